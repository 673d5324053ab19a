package dev.cais.image.dockerfile;

import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** The bytes of a file as lines, counted from 0, each with its end. */
final class TextLines {
    private static final int LONGEST_LINE = 1 << 20;
    private static final int MOST_LINES = 500_000;

    /** How many of those that are to blame are shown. */
    private static final int MOST_SHOWN = 8;

    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final byte[] bytes;

    /** Where each begins; behind the last, where the file ends. */
    private final int[] starts;

    /** @throws InvalidSpecException if there are too many */
    TextLines(byte[] bytes) {
        this.bytes = bytes;
        this.starts = starts(bytes);
    }

    private static int[] starts(byte[] bytes) {
        var marked = Arrays.mismatch(bytes, BYTE_ORDER_MARK) == BYTE_ORDER_MARK.length
                || Arrays.equals(bytes, BYTE_ORDER_MARK);
        var starts = new int[64];
        var count = 0;
        var at = marked ? BYTE_ORDER_MARK.length : 0;
        while (at < bytes.length) {
            if (count == MOST_LINES) {
                throw new InvalidSpecException("it has more than " + MOST_LINES + " lines");
            }
            if (count + 1 == starts.length) {
                starts = Arrays.copyOf(starts, 2 * starts.length);
            }
            starts[count++] = at;
            while (at < bytes.length && bytes[at++] != '\n') {
                // goes on to the end of the line
            }
        }
        starts[count] = bytes.length;
        return Arrays.copyOf(starts, count + 1);
    }

    int count() {
        return starts.length - 1;
    }

    /** @throws InvalidSpecException if it is too long, has a NUL, or is not UTF-8 */
    String line(int number) {
        var length = starts[number + 1] - starts[number];
        if (length > LONGEST_LINE) {
            throw new InvalidSpecException("the line is longer than " + LONGEST_LINE + " bytes");
        }
        try {
            var text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, starts[number], length))
                    .toString();
            if (text.indexOf('\0') >= 0) {
                throw new InvalidSpecException("the line has a NUL");
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new InvalidSpecException("the line is not UTF-8", "write it in UTF-8");
        }
    }

    /** Its beginning, whatever it is. */
    String shown(int number) {
        var length = Math.min(1024, starts[number + 1] - starts[number]);
        return new String(bytes, starts[number], length, StandardCharsets.UTF_8).stripTrailing();
    }

    /** Lines that are to blame, marked, with their numbers and those around them; {@code end} is behind the last. */
    String excerpt(int first, int end) {
        var text = new StringBuilder();
        var last = Math.min(count(), end + 1);
        for (var i = Math.max(0, first - 2); i < last; i++) {
            if (i == first + MOST_SHOWN && i < end - 1) {
                text.append("        | …\n");
                i = end - 2;
                continue;
            }
            text.append(i >= first && i < end ? "> " : "  ")
                    .append(String.format("%5d | ", i + 1))
                    .append(Shown.text(shown(i).replace('\t', ' ')))
                    .append('\n');
        }
        return text.toString().stripTrailing();
    }

    /** A field of what may be an object of JSON. */
    Optional<String> jsonText(String field) {
        if (starts[0] == bytes.length || bytes[starts[0]] != '{') {
            return Optional.empty();
        }
        try {
            return JsonObject.parse(Arrays.copyOfRange(bytes, starts[0], bytes.length), "file")
                    .findText(field);
        } catch (EngineException e) {
            return Optional.empty(); // no JSON
        }
    }

    boolean isComment(int number) {
        for (var i = starts[number]; i < starts[number + 1]; i++) {
            if (bytes[i] == '#') {
                return true;
            }
            if (bytes[i] > ' ' || bytes[i] < 0) {
                return false;
            }
        }
        return false;
    }
}
