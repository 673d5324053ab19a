package dev.cais.examples;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts what a program writes into lines that are safe to show: escape sequences and other control characters of a stranger's program do
 * nothing to the user's terminal. Of a line that was written over and over ({@code \r}) the last state counts.
 */
final class OutputLines {
    private static final int LONGEST = 4096;

    private final ByteArrayOutputStream line = new ByteArrayOutputStream();

    /** The lines that have come to their end. */
    List<String> add(byte[] content) {
        var lines = new ArrayList<String>();
        for (var each : content) {
            if (each == '\n') {
                lines.add(take());
            } else if (line.size() < LONGEST) {
                line.write(each);
            }
        }
        return lines;
    }

    /** What is left at the end, if anything. */
    List<String> end() {
        return line.size() == 0 ? List.of() : List.of(take());
    }

    private String take() {
        var text = line.toString(StandardCharsets.UTF_8);
        line.reset();
        return clean(text);
    }

    /** On one line, without control characters. */
    static String clean(String text) {
        var shown = text.stripTrailing();
        shown = shown.substring(shown.lastIndexOf('\r') + 1);
        return shown.replaceAll("\u001b\\[[0-9;?]*[ -/]*[@-~]", "")
                .replace("\t", "    ")
                .replaceAll("\\p{Cntrl}", "");
    }
}
