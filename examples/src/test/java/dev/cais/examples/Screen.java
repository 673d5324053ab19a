package dev.cais.examples;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** As much of a terminal as the view uses. */
final class Screen {
    private final List<StringBuilder> lines = new ArrayList<>(List.of(new StringBuilder()));
    private int row;
    private int column;

    /** The lines that one sees when all is written. */
    static String of(String written) {
        var screen = new Screen();
        for (var at = 0; at < written.length(); at++) {
            if (written.startsWith("\u001b[", at)) {
                var end = at + 2;
                while (Character.isDigit(written.charAt(end))) {
                    end++;
                }
                screen.control(written.substring(at + 2, end), written.charAt(end));
                at = end;
            } else {
                screen.put(written.charAt(at));
            }
        }
        return screen.lines.stream()
                .map(line -> line.toString().stripTrailing())
                .collect(Collectors.joining("\n"));
    }

    private void control(String number, char what) {
        if (what == 'A') {
            row -= Integer.parseInt(number);
        } else if (what == 'J') {
            lines.subList(row + 1, lines.size()).clear();
            lines.get(row).setLength(column);
        } else {
            throw new IllegalStateException("no such control: " + what);
        }
    }

    private void put(char c) {
        if (c == '\r') {
            column = 0;
        } else if (c == '\n') {
            row++;
            if (row == lines.size()) {
                lines.add(new StringBuilder());
            }
        } else {
            var line = lines.get(row);
            if (column < line.length()) {
                line.setCharAt(column, c);
            } else {
                line.append(c);
            }
            column++;
        }
    }
}
