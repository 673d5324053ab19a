package dev.cais.runtime.log;

import dev.cais.LogDriver;
import dev.cais.LogLine;
import dev.cais.LogOrigin;
import dev.cais.LogSink;
import dev.cais.LogStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Sends lines to fluentd or fluent-bit: forward mode of the forward protocol, a message for all lines that there are, times in
 * nanoseconds (fluentd 0.14 or newer). A record has Docker's keys: {@code container_id}, {@code container_name}, {@code source},
 * {@code log}, and what {@code labels} and {@code env} name.
 *
 * <p>Options: {@code fluentd-address} ({@code tcp://127.0.0.1:24224} if not given, or {@code unix:///path}), {@code tag}
 * (<code>{{.ID}}</code>), {@code labels}, {@code env}, {@code fluentd-request-ack} ({@code true}: lines are sent again until the server
 * says that it has them).
 *
 * @see <a href="https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1">Forward Protocol Specification v1</a>
 */
final class FluentdDriver implements LogDriver {
    private static final Set<String> OPTIONS = Set.of("fluentd-address", "fluentd-request-ack", "tag", "labels", "env");

    @Override
    public String name() {
        return "fluentd";
    }

    @Override
    public LogSink open(LogOrigin origin, Map<String, String> given) {
        var options = new LogOptions(name(), origin, given, OPTIONS);
        var destination = Destination.parse(options, "fluentd-address", "tcp://127.0.0.1:24224", 24224);
        if (!Set.of("tcp", "unix").contains(destination.protocol())) {
            throw options.wrong("fluentd-address", "is neither tcp:// nor unix://");
        }
        return new Sink(
                destination, options.tag("{{.ID}}"), origin, options.attributes(), options.flag("fluentd-request-ack"));
    }

    private static final class Sink implements LogSink {
        private final Destination destination;
        private final String tag;
        private final LogOrigin origin;
        private final Map<String, String> attributes;
        private final boolean acknowledged;
        private @Nullable SocketChannel connection;

        Sink(
                Destination destination,
                String tag,
                LogOrigin origin,
                Map<String, String> attributes,
                boolean acknowledged) {
            this.destination = destination;
            this.tag = tag;
            this.origin = origin;
            this.attributes = attributes;
            this.acknowledged = acknowledged;
        }

        @Override
        public void write(List<LogLine> lines) throws IOException {
            var current = connection == null ? destination.connect() : connection;
            connection = current;
            try {
                var chunk = Base64.getEncoder().encodeToString(bytes(UUID.randomUUID()));
                var message = ByteBuffer.wrap(message(lines, chunk));
                while (message.hasRemaining()) {
                    current.write(message);
                }
                if (acknowledged) {
                    var answer = MessagePack.readSingle(new DataInputStream(Channels.newInputStream(current)), "ack");
                    if (!answer.equals(chunk)) {
                        throw new IOException("the server acknowledged something else");
                    }
                }
            } catch (IOException e) {
                close();
                throw new IOException("cannot send to " + destination + ": " + e, e);
            }
        }

        private static byte[] bytes(UUID id) {
            return ByteBuffer.allocate(16)
                    .putLong(id.getMostSignificantBits())
                    .putLong(id.getLeastSignificantBits())
                    .array();
        }

        private byte[] message(List<LogLine> lines, String chunk) {
            var message = new MessagePack().array(3).text(tag).array(lines.size());
            for (var line : lines) {
                message.array(2).eventTime(line.time()).map(4 + attributes.size());
                message.text("container_id").text(origin.id());
                message.text("container_name").text("/" + origin.name());
                message.text("source").text(line.stream() == LogStream.STDOUT ? "stdout" : "stderr");
                message.text("log").text(line.bytes());
                attributes.forEach((key, value) -> message.text(key).text(value));
            }
            message.map(acknowledged ? 2 : 1).text("size").integer(lines.size());
            if (acknowledged) {
                message.text("chunk").text(chunk);
            }
            return message.toByteArray();
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
}
