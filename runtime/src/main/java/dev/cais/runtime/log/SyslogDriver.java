package dev.cais.runtime.log;

import dev.cais.LogDriver;
import dev.cais.LogLine;
import dev.cais.LogOrigin;
import dev.cais.LogSink;
import dev.cais.LogStream;
import dev.cais.linux.UnixDatagramSocket;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Sends lines to a syslog server, in the form of RFC 5424: stdout with severity info, stderr with error.
 *
 * <p>Options: {@code syslog-address} ({@code unix:///dev/log} if not given, by datagrams, else as a stream; {@code unixgram://},
 * {@code udp://}, {@code tcp://}, where a message ends with a line end, RFC 6587, 3.4.2), {@code syslog-facility} (name or number;
 * {@code daemon}), {@code tag} (APP-NAME; <code>{{.ID}}</code>), {@code syslog-format} ({@code rfc5424} or {@code rfc5424micro},
 * which are the same here). A line of more than 16 KiB becomes several messages.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc5424">RFC 5424</a>
 */
final class SyslogDriver implements LogDriver {
    private static final Set<String> OPTIONS = Set.of("syslog-address", "syslog-facility", "syslog-format", "tag");
    private static final List<String> FACILITIES = List.of(
            "kern",
            "user",
            "mail",
            "daemon",
            "auth",
            "syslog",
            "lpr",
            "news",
            "uucp",
            "cron",
            "authpriv",
            "ftp",
            "ntp",
            "security",
            "console",
            "solaris-cron",
            "local0",
            "local1",
            "local2",
            "local3",
            "local4",
            "local5",
            "local6",
            "local7");
    private static final int ERROR = 3;
    private static final int INFO = 6;
    private static final int LONGEST = 16 * 1024;
    private static final int LONGEST_APP_NAME = 48;
    private static final int LONGEST_HOSTNAME = 255;

    @Override
    public String name() {
        return "syslog";
    }

    @Override
    public LogSink open(LogOrigin origin, Map<String, String> given) {
        var options = new LogOptions(name(), origin, given, OPTIONS);
        var named = options.text("syslog-facility", "daemon");
        var facility = named.matches("[0-9]{1,2}") ? Integer.parseInt(named) : FACILITIES.indexOf(named);
        if (facility < 0 || facility >= FACILITIES.size()) {
            throw options.wrong("syslog-facility", "is none of " + String.join(", ", FACILITIES));
        }
        if (!Set.of("rfc5424", "rfc5424micro").contains(options.text("syslog-format", "rfc5424"))) {
            throw options.wrong("syslog-format", "is not rfc5424");
        }
        var destination = Destination.parse(options, "syslog-address", "unix:///dev/log", 514);
        return new Sink(destination, facility, field(options.tag("{{.ID}}"), LONGEST_APP_NAME));
    }

    /** Printable ASCII without spaces, as fields of the header are. */
    private static String field(String text, int longest) {
        var printable = text.replaceAll("[^\\x21-\\x7e]", "_");
        return printable.isEmpty() ? "-" : printable.substring(0, Math.min(longest, printable.length()));
    }

    private static String hostname() {
        try {
            return field(Files.readString(Path.of("/proc/sys/kernel/hostname")).strip(), LONGEST_HOSTNAME);
        } catch (IOException e) {
            return "-";
        }
    }

    /** A way to the server. */
    private interface Connection extends AutoCloseable {
        void send(ByteBuffer message) throws IOException;

        /** Messages are told apart by their line ends. */
        boolean isStream();

        @Override
        void close() throws IOException;
    }

    private static final class Sink implements LogSink {
        private final Destination destination;
        private final int facility;
        private final byte[] header;
        private @Nullable Connection connection;

        Sink(Destination destination, int facility, String tag) {
            this.destination = destination;
            this.facility = facility;
            this.header = (" " + hostname() + " " + tag + " - - - ").getBytes(StandardCharsets.US_ASCII);
        }

        @Override
        public void write(List<LogLine> lines) throws IOException {
            var current = connection == null ? connect() : connection;
            connection = current;
            try {
                var messages = new ByteArrayOutputStream();
                for (var line : lines) {
                    var from = 0;
                    do {
                        var length = Math.min(LONGEST, line.bytes().length - from);
                        put(messages, line, from, length);
                        from += length;
                        if (current.isStream()) {
                            messages.write('\n');
                        } else {
                            current.send(ByteBuffer.wrap(messages.toByteArray()));
                            messages.reset();
                        }
                    } while (from < line.bytes().length);
                }
                if (messages.size() > 0) {
                    current.send(ByteBuffer.wrap(messages.toByteArray()));
                }
            } catch (IOException e) {
                close();
                throw new IOException("cannot send to " + destination + ": " + e.getMessage(), e);
            }
        }

        private void put(ByteArrayOutputStream target, LogLine line, int from, int length) {
            var priority = facility * 8 + (line.stream() == LogStream.STDERR ? ERROR : INFO);
            // at most six digits of a second
            var time = line.time().truncatedTo(ChronoUnit.MICROS);
            target.writeBytes(("<" + priority + ">1 " + time).getBytes(StandardCharsets.US_ASCII));
            target.writeBytes(header);
            target.write(line.bytes(), from, length);
        }

        private Connection connect() throws IOException {
            return switch (destination.protocol()) {
                case "udp" -> new Udp(destination);
                case "tcp" -> new Stream(destination);
                case "unixgram" -> UnixDatagrams.connect(destination);
                default -> {
                    try {
                        yield UnixDatagrams.connect(destination);
                    } catch (UnixDatagrams.WrongTypeException e) {
                        yield new Stream(destination);
                    }
                }
            };
        }

        @Override
        public void close() throws IOException {
            var current = connection;
            connection = null;
            if (current != null) {
                current.close();
            }
        }
    }

    private static final class Stream implements Connection {
        private final SocketChannel channel;

        Stream(Destination destination) throws IOException {
            channel = destination.connect();
        }

        @Override
        public void send(ByteBuffer message) throws IOException {
            while (message.hasRemaining()) {
                channel.write(message);
            }
        }

        @Override
        public boolean isStream() {
            return true;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private static final class Udp implements Connection {
        private final DatagramChannel channel;

        Udp(Destination destination) throws IOException {
            channel = destination.connectDatagrams();
        }

        @Override
        public void send(ByteBuffer message) throws IOException {
            channel.write(message);
        }

        @Override
        public boolean isStream() {
            return false;
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /** Datagrams to a unix socket, which the JDK has not. */
    private static final class UnixDatagrams implements Connection {
        private final UnixDatagramSocket socket;

        private UnixDatagrams(UnixDatagramSocket socket) {
            this.socket = socket;
        }

        static final class WrongTypeException extends IOException {
            private static final long serialVersionUID = 1L;
        }

        static UnixDatagrams connect(Destination destination) throws IOException {
            var socket = UnixDatagramSocket.connect(destination.host());
            if (socket.isEmpty()) {
                throw new WrongTypeException();
            }
            return new UnixDatagrams(socket.get());
        }

        @Override
        public void send(ByteBuffer message) throws IOException {
            var bytes = new byte[message.remaining()];
            message.get(bytes);
            socket.send(bytes);
        }

        @Override
        public boolean isStream() {
            return false;
        }

        @Override
        public void close() {
            socket.close();
        }
    }
}
