package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The pattern of a variable's modifier: {@code *} stands for any characters, {@code ?} for one; a backslash frees both.
 *
 * <p>What is between two stars is searched for from left to right, so the time is bounded by the product of both lengths.
 */
final class ShellPattern {
    private static final int ANY = -1;

    /** Code points between the stars, {@link #ANY} for a question mark; never empty itself. */
    private final List<int[]> pieces;

    private ShellPattern(List<int[]> pieces) {
        this.pieces = pieces;
    }

    static ShellPattern parse(String text) {
        var points = text.codePoints().toArray();
        var pieces = new ArrayList<int[]>();
        var piece = new ArrayList<Integer>();
        for (var i = 0; i < points.length; i++) {
            if (points[i] == '*') {
                pieces.add(ints(piece));
                piece.clear();
            } else if (points[i] == '?') {
                piece.add(ANY);
            } else if (points[i] == '\\') {
                if (i + 1 == points.length || "*?\\}/".indexOf(points[i + 1]) < 0) {
                    throw new InvalidSpecException("pattern " + Shown.text(text)
                            + " has a backslash before what needs none: only *, ?, }, / and \\ do");
                }
                piece.add(points[++i]);
            } else {
                piece.add(points[i]);
            }
        }
        pieces.add(ints(piece));
        return new ShellPattern(pieces);
    }

    private static int[] ints(List<Integer> piece) {
        return piece.stream().mapToInt(Integer::intValue).toArray();
    }

    String withoutPrefix(String value, boolean longest) {
        var points = value.codePoints().toArray();
        var end = end(points, 0, longest);
        return end < 0 ? value : new String(points, end, points.length - end);
    }

    String withoutSuffix(String value, boolean longest) {
        var backwards = new ArrayList<int[]>();
        pieces.forEach(piece -> backwards.add(reversed(piece)));
        Collections.reverse(backwards);
        var points = value.codePoints().toArray();
        var end = new ShellPattern(backwards).end(reversed(points), 0, longest);
        return end < 0 ? value : new String(points, 0, points.length - end);
    }

    private static int[] reversed(int[] points) {
        var result = new int[points.length];
        for (var i = 0; i < points.length; i++) {
            result[points.length - 1 - i] = points[i];
        }
        return result;
    }

    /** The longest match from the left, or one after the other; one of nothing is none. */
    String replace(String value, String replacement, boolean all, int longest) {
        var points = value.codePoints().toArray();
        var result = new StringBuilder();
        var done = 0;
        while (done < points.length) {
            var start = indexOf(pieces.get(0), points, done);
            var end = start < 0 ? -1 : end(points, start, true);
            if (end <= start) {
                break;
            }
            result.append(new String(points, done, start - done)).append(replacement);
            if (result.length() > longest) {
                throw new InvalidSpecException(
                        "what replaces a pattern makes it longer than " + longest + " characters");
            }
            done = end;
            if (!all) {
                break;
            }
        }
        return result.append(new String(points, done, points.length - done)).toString();
    }

    /** Where a match that begins at a place ends; -1 if there is none. */
    private int end(int[] points, int start, boolean longest) {
        if (!matches(pieces.get(0), points, start)) {
            return -1;
        }
        var at = start + pieces.get(0).length;
        for (var i = 1; i < pieces.size(); i++) {
            var piece = pieces.get(i);
            var found = i == pieces.size() - 1 && longest ? lastIndexOf(piece, points, at) : indexOf(piece, points, at);
            if (found < 0) {
                return -1;
            }
            at = found + piece.length;
        }
        return at;
    }

    private static int indexOf(int[] piece, int[] points, int from) {
        for (var i = from; i + piece.length <= points.length; i++) {
            if (matches(piece, points, i)) {
                return i;
            }
        }
        return -1;
    }

    private static int lastIndexOf(int[] piece, int[] points, int from) {
        for (var i = points.length - piece.length; i >= from; i--) {
            if (matches(piece, points, i)) {
                return i;
            }
        }
        return -1;
    }

    private static boolean matches(int[] piece, int[] points, int at) {
        if (at + piece.length > points.length) {
            return false;
        }
        for (var i = 0; i < piece.length; i++) {
            if (piece[i] != ANY && piece[i] != points[at + i]) {
                return false;
            }
        }
        return true;
    }
}
