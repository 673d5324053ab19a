package dev.cais;

/** Text from outside, as a line shows it: without anything that a terminal would obey. Names of files, hosts and images are anybody's. */
final class OneLine {
    private OneLine() {}

    /** Control characters, ends of lines among them, and lone surrogates become {@code ?}. */
    static String of(String text) {
        if (text.codePoints().noneMatch(OneLine::isHidden)) {
            return text;
        }
        var shown = new StringBuilder(text.length());
        text.codePoints().forEach(point -> shown.appendCodePoint(isHidden(point) ? '?' : point));
        return shown.toString();
    }

    private static boolean isHidden(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> true;
            default -> false;
        };
    }
}
