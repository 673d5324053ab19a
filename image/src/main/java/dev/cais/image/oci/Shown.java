package dev.cais.image.oci;

/** Text from outside as messages show it: on one line, and not longer than a line can bear. */
public final class Shown {
    private static final int LONGEST = 200;

    private Shown() {}

    /** Control characters and lone surrogates become {@code ?}; what is longer than 200 characters ends in {@code …}. */
    public static String text(String outside) {
        var cut = outside.length() > LONGEST ? outside.substring(0, LONGEST) + "…" : outside;
        var shown = new StringBuilder(cut.length());
        cut.codePoints().forEach(point -> shown.appendCodePoint(isHarmless(point) ? point : '?'));
        return shown.toString();
    }

    private static boolean isHarmless(int point) {
        return switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            default -> true;
        };
    }
}
