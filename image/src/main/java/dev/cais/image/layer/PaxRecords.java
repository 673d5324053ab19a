package dev.cais.image.layer;

import dev.cais.image.layer.TarHeader.BadField;
import dev.cais.storage.Xattr;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The extended header of one entry, global records below its own.
 *
 * @see <a href="https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_03">POSIX.1-2017, pax Extended
 *     Header</a>
 */
final class PaxRecords {
    private static final String SCHILY_XATTR = "SCHILY.xattr.";
    private static final String LIBARCHIVE_XATTR = "LIBARCHIVE.xattr.";

    private final Map<String, byte[]> records = new LinkedHashMap<>();
    /** What {@code GNU.sparse.offset} and {@code .numbytes} said, in turn: their order counts, and they repeat. */
    private final List<Long> sparsePairs = new ArrayList<>();

    PaxRecords() {}

    PaxRecords(PaxRecords global) {
        records.putAll(global.records);
    }

    boolean isEmpty() {
        return records.isEmpty();
    }

    /** Bytes of all keys and values. */
    long size() {
        return records.entrySet().stream()
                .mapToLong(each -> each.getKey().length() + each.getValue().length)
                .sum();
    }

    /** Adds what a header's content says: {@code LENGTH KEY=VALUE\n}, over and over. An empty value takes a key away. */
    void add(byte[] content) throws BadField {
        for (var at = 0; at < content.length; ) {
            var blank = at;
            var length = 0L;
            while (blank < content.length && content[blank] >= '0' && content[blank] <= '9' && blank - at < 10) {
                length = length * 10 + (content[blank] - '0');
                blank++;
            }
            var end = at + length;
            if (blank == at
                    || blank >= content.length
                    || content[blank] != ' '
                    || end > content.length
                    || end < blank + 3
                    || content[(int) end - 1] != '\n') {
                throw new BadField("a record of its extended header has a wrong length");
            }
            var equals = blank + 1;
            while (equals < end - 1 && content[equals] != '=') {
                equals++;
            }
            if (equals == end - 1 || equals == blank + 1) {
                throw new BadField("a record of its extended header has no key");
            }
            add(
                    new String(content, blank + 1, equals - blank - 1, StandardCharsets.UTF_8),
                    Arrays.copyOfRange(content, equals + 1, (int) end - 1));
            at = (int) end;
        }
    }

    private void add(String key, byte[] value) throws BadField {
        if (key.equals("GNU.sparse.offset") || key.equals("GNU.sparse.numbytes")) {
            var isOffset = key.endsWith("offset");
            if (isOffset != (sparsePairs.size() % 2 == 0)) {
                throw new BadField("its sparse map is out of order");
            }
            sparsePairs.add(decimal(value, key));
        } else if (value.length == 0) {
            records.remove(key);
        } else {
            records.put(key, value);
        }
    }

    /** A path: any bytes but NUL. */
    byte[] path(String key, byte[] otherwise) throws BadField {
        var value = records.getOrDefault(key, otherwise);
        for (var each : value) {
            if (each == 0) {
                throw new BadField("its " + key + " holds a NUL");
            }
        }
        return value;
    }

    @Nullable
    String text(String key) {
        var value = records.get(key);
        return value == null ? null : new String(value, StandardCharsets.UTF_8);
    }

    long number(String key, long otherwise) throws BadField {
        var value = records.get(key);
        return value == null ? otherwise : decimal(value, key);
    }

    /** Seconds with a fraction, of which nine digits count. */
    Instant time(String key, Instant otherwise) throws BadField {
        var value = text(key);
        if (value == null) {
            return otherwise;
        }
        var negative = value.startsWith("-");
        var dot = value.indexOf('.');
        var whole = value.substring(negative ? 1 : 0, dot < 0 ? value.length() : dot);
        var fraction = dot < 0 ? "" : value.substring(dot + 1);
        var seconds = decimal(whole.isEmpty() ? "0" : whole, key);
        var nanos = fraction.isEmpty() ? 0 : decimal((fraction + "000000000").substring(0, 9), key);
        if (seconds > Instant.MAX.getEpochSecond() || fraction.chars().anyMatch(each -> each < '0' || each > '9')) {
            throw new BadField("its " + key + " is no time");
        }
        return Instant.ofEpochSecond(negative ? -seconds : seconds, negative ? -nanos : nanos);
    }

    /** The sparse map of forms 0.0 and 0.1: offset, length, offset, length. */
    long @Nullable [] sparseMap() throws BadField {
        if (!sparsePairs.isEmpty()) {
            return sparsePairs.stream().mapToLong(Long::longValue).toArray();
        }
        var map = text("GNU.sparse.map");
        if (map == null) {
            return null;
        }
        var numbers = map.split(",", -1);
        var pairs = new long[numbers.length];
        for (var i = 0; i < numbers.length; i++) {
            pairs[i] = decimal(numbers[i], "GNU.sparse.map");
        }
        return pairs;
    }

    List<Xattr> xattrs() throws BadField {
        var xattrs = new ArrayList<Xattr>();
        for (var each : records.entrySet()) {
            var key = each.getKey();
            if (key.startsWith(SCHILY_XATTR)) {
                xattrs.add(new Xattr(xattrName(key.substring(SCHILY_XATTR.length())), each.getValue()));
            } else if (key.startsWith(LIBARCHIVE_XATTR)
                    && !records.containsKey(SCHILY_XATTR + key.substring(LIBARCHIVE_XATTR.length()))) {
                xattrs.add(new Xattr(
                        xattrName(percentDecoded(key.substring(LIBARCHIVE_XATTR.length()))), base64(each.getValue())));
            }
        }
        return xattrs;
    }

    private static String xattrName(String name) throws BadField {
        if (name.isEmpty() || name.length() > 255 || name.indexOf(0) >= 0) {
            throw new BadField("the name of an extended attribute is no name");
        }
        return name;
    }

    /** What bsdtar writes, without padding. */
    private static byte[] base64(byte[] value) throws BadField {
        try {
            return Base64.getDecoder().decode(value);
        } catch (IllegalArgumentException e) {
            throw new BadField("the value of an extended attribute is no base64");
        }
    }

    private static String percentDecoded(String name) throws BadField {
        var bytes = new ByteArrayOutputStream();
        var encoded = name.getBytes(StandardCharsets.UTF_8);
        for (var i = 0; i < encoded.length; i++) {
            if (encoded[i] != '%') {
                bytes.write(encoded[i]);
                continue;
            }
            var high = i + 2 < encoded.length ? Character.digit(encoded[i + 1], 16) : -1;
            var low = i + 2 < encoded.length ? Character.digit(encoded[i + 2], 16) : -1;
            if (high < 0 || low < 0) {
                throw new BadField("the name of an extended attribute is no name");
            }
            bytes.write(high << 4 | low);
            i += 2;
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.toByteArray()))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new BadField("the name of an extended attribute is no name");
        }
    }

    private static long decimal(byte[] digits, String key) throws BadField {
        return decimal(new String(digits, StandardCharsets.ISO_8859_1), key);
    }

    static long decimal(String digits, String key) throws BadField {
        var value = 0L;
        for (var i = 0; i < digits.length(); i++) {
            var digit = digits.charAt(i) - '0';
            if (digit < 0 || digit > 9 || value > (Long.MAX_VALUE - digit) / 10) {
                throw new BadField("its " + key + " is no number");
            }
            value = value * 10 + digit;
        }
        if (digits.isEmpty()) {
            throw new BadField("its " + key + " is no number");
        }
        return value;
    }
}
