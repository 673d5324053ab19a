package dev.cais;

import java.nio.charset.StandardCharsets;
import java.time.Instant;

/**
 * One line of a container's output.
 *
 * @param time when the engine read the line's first byte
 * @param bytes without the line end
 */
public record LogLine(Instant time, LogStream stream, byte[] bytes) {
    /** The line as UTF-8 text. */
    public String text() {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** Time and text, as {@code docker logs --timestamps} shows them. */
    public String timestamped() {
        return time + " " + text();
    }

    @Override
    public String toString() {
        return text();
    }
}
