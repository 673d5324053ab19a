package dev.cais.storage;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * A volume as its record tells of it.
 *
 * @param data its directory
 * @param anonymous whether nobody chose its name
 * @param labels by key, in order
 */
public record StoredVolume(String name, Path data, Instant created, boolean anonymous, Map<String, String> labels) {
    private static final String CREATED = "created ";
    private static final String ANONYMOUS = "anonymous";
    private static final String LABEL = "label ";

    public StoredVolume {
        labels = Collections.unmodifiableMap(new TreeMap<>(labels));
    }

    /** One line for each fact, labels encoded as in a query of a URL. */
    byte[] record() {
        var text = new StringBuilder(CREATED).append(created).append('\n');
        if (anonymous) {
            text.append(ANONYMOUS).append('\n');
        }
        labels.forEach((key, value) -> text.append(LABEL)
                .append(encoded(key))
                .append('=')
                .append(encoded(value))
                .append('\n'));
        return text.toString().getBytes(StandardCharsets.US_ASCII);
    }

    /** @throws IllegalArgumentException if that is no record */
    static StoredVolume parse(String name, Path data, String record) {
        var created = Instant.EPOCH;
        var anonymous = false;
        var labels = new TreeMap<String, String>();
        for (var line : record.lines().toList()) {
            if (line.startsWith(CREATED)) {
                try {
                    created = Instant.parse(line.substring(CREATED.length()));
                } catch (DateTimeParseException e) {
                    throw new IllegalArgumentException(e);
                }
            } else if (line.startsWith(LABEL) && line.indexOf('=') > 0) {
                var equals = line.indexOf('=');
                labels.put(decoded(line.substring(LABEL.length(), equals)), decoded(line.substring(equals + 1)));
            } else if (line.equals(ANONYMOUS)) {
                anonymous = true;
            } else {
                throw new IllegalArgumentException("unknown line: " + line);
            }
        }
        return new StoredVolume(name, data, created, anonymous, labels);
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }
}
