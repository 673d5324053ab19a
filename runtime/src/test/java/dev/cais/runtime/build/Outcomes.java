package dev.cais.runtime.build;

import java.util.ArrayList;
import java.util.List;

/** Tells the outcomes of builders apart. */
final class Outcomes {
    private Outcomes() {}

    /** Lines that are not there with a minus, others with a plus, as they come; of a failure the failure alone. */
    static List<String> difference(List<String> expected, List<String> actual) {
        var lines = new ArrayList<String>();
        if (!expected.equals(actual) && actual.get(0).startsWith("! ")) {
            actual.forEach(line -> lines.add("+ " + line));
            return lines;
        }
        var missing = new ArrayList<>(expected);
        for (var line : actual) {
            if (!missing.remove(line)) {
                lines.add("+ " + line);
            }
        }
        missing.forEach(line -> lines.add("- " + line));
        if (lines.isEmpty() && !expected.equals(actual)) {
            lines.add("+ another order: " + String.join("; ", actual));
        }
        return lines;
    }

    /** Without the history and directories' times, in which each builder has its own way. */
    static List<String> plain(List<String> outcome) {
        return outcome.stream()
                .filter(line -> !line.startsWith("history "))
                .map(line -> line.replaceAll("^(.* directory .*) @[0-9]+$", "$1"))
                .toList();
    }
}
