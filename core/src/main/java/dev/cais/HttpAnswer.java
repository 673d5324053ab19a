package dev.cais;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * The answer to one GET request of HTTP/1.1, over a connection into a container.
 *
 * @param status 100 to 999
 * @param body empty if it was not asked for
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9112">RFC 9112, HTTP/1.1: sections 4 (status line), 6.3 (length of a body), 7.1
 *     (chunks)</a>
 */
record HttpAnswer(int status, String body) {
    private static final int MOST_HEADERS = 1 << 16;
    private static final int MOST_BODY = 1 << 20;
    private static final int MOST_INTERIM_ANSWERS = 8;

    /** There was no answer, or none that HTTP/1.1 allows; the message is half a sentence. */
    static final class FailedException extends Exception {
        private static final long serialVersionUID = 1L;

        FailedException(String message) {
            super(message);
        }
    }

    static HttpAnswer get(Container container, int port, String path, boolean withBody, Duration timeout)
            throws FailedException {
        var deadline = System.nanoTime() + TimeUnit.NANOSECONDS.convert(timeout);
        try (var connection = container.connect(port, timeout)) {
            var request = "GET " + path + " HTTP/1.1\r\nHost: localhost:" + port
                    + "\r\nUser-Agent: cais\r\nAccept: */*\r\nConnection: close\r\n\r\n";
            connection.output().write(request.getBytes(StandardCharsets.US_ASCII));
            connection.output().flush();
            return new Reading(new BufferedInputStream(connection.input()), deadline).answer(withBody);
        } catch (TimedOutException e) {
            throw new FailedException("no answer in time");
        } catch (IOException e) {
            throw new FailedException(String.valueOf(e.getMessage()));
        }
    }

    /** Reads one answer, no longer than until the deadline. */
    static final class Reading {
        private final InputStream input;
        private final long deadline;
        private int headerBytes;
        private long length = -1;
        private boolean chunked;

        Reading(InputStream input, long deadline) {
            this.input = input;
            this.deadline = deadline;
        }

        HttpAnswer answer(boolean withBody) throws IOException, FailedException {
            for (var interim = 0; interim <= MOST_INTERIM_ANSWERS; interim++) {
                var status = statusLine();
                headers();
                if (status >= 200 || status == 101) {
                    var empty = !withBody || status == 204 || status == 304 || status == 101;
                    return new HttpAnswer(status, empty ? "" : body());
                }
            }
            throw new FailedException("too many interim answers");
        }

        private int statusLine() throws IOException, FailedException {
            var line = line();
            if (!line.matches("HTTP/1\\.[0-9] [1-9][0-9]{2}( .*)?")) {
                throw new FailedException("no answer as HTTP/1.1 has it: " + shown(line));
            }
            return Integer.parseInt(line.substring(9, 12));
        }

        private static String shown(String line) {
            var printable = line.replaceAll("[^ -~]", "?");
            return "'" + (printable.length() > 80 ? printable.substring(0, 80) + "…" : printable) + "'";
        }

        private void headers() throws IOException, FailedException {
            length = -1;
            chunked = false;
            for (var line = line(); !line.isEmpty(); line = line()) {
                var colon = line.indexOf(':');
                var name = line.substring(0, Math.max(0, colon)).toLowerCase(Locale.ROOT);
                var value = line.substring(colon + 1).strip();
                if (name.equals("content-length")) {
                    if (!value.matches("[0-9]{1,18}")) {
                        throw new FailedException("no length of a body: " + shown(value));
                    }
                    length = Long.parseLong(value);
                } else if (name.equals("transfer-encoding")) {
                    chunked = value.toLowerCase(Locale.ROOT).endsWith("chunked");
                }
            }
        }

        private String body() throws IOException, FailedException {
            var body = new ByteArrayOutputStream();
            if (!chunked) {
                copy(length < 0 ? Long.MAX_VALUE : length, body, length >= 0);
                return body.toString(StandardCharsets.UTF_8);
            }
            while (true) {
                var line = line().replaceFirst("[ \t]*(;.*)?$", "");
                if (!line.matches("[0-9a-fA-F]{1,15}")) {
                    throw new FailedException("no length of a chunk: " + shown(line));
                }
                var chunk = Long.parseLong(line, 16);
                if (chunk == 0) {
                    return body.toString(StandardCharsets.UTF_8);
                }
                copy(chunk, body, true);
                if (!line().isEmpty()) {
                    throw new FailedException("a chunk is longer than it says");
                }
            }
        }

        private void copy(long count, ByteArrayOutputStream body, boolean exact) throws IOException, FailedException {
            var buffer = new byte[8192];
            for (var left = count; left > 0; ) {
                var read = input.read(buffer, 0, (int) Math.min(left, buffer.length));
                if (read < 0) {
                    if (exact) {
                        throw new FailedException("the answer ends early");
                    }
                    return;
                }
                if (body.size() + read > MOST_BODY) {
                    throw new FailedException("the body is larger than 1 MiB");
                }
                body.write(buffer, 0, read);
                left -= read;
                requireTime();
            }
        }

        private String line() throws IOException, FailedException {
            var line = new ByteArrayOutputStream();
            for (var next = input.read(); next != '\n'; next = input.read()) {
                if (next < 0) {
                    throw new FailedException(
                            headerBytes == 0 ? "the connection was closed without an answer" : "the answer ends early");
                }
                if (++headerBytes > MOST_HEADERS) {
                    throw new FailedException("the headers are larger than 64 KiB");
                }
                line.write(next);
                requireTime();
            }
            var text = line.toString(StandardCharsets.ISO_8859_1);
            return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
        }

        private void requireTime() throws FailedException {
            if (System.nanoTime() - deadline > 0) {
                throw new FailedException("no answer in time");
            }
        }
    }
}
