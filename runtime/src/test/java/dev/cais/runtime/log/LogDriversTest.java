package dev.cais.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.LogConfig;
import dev.cais.LogDriver;
import dev.cais.LogLine;
import dev.cais.LogOrigin;
import dev.cais.LogSink;
import dev.cais.LogStream;
import dev.cais.fixtures.Eventually;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Poll;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Marker;
import org.slf4j.event.Level;
import org.slf4j.helpers.LegacyAbstractLogger;
import org.slf4j.helpers.MessageFormatter;

@Timeout(120)
class LogDriversTest {
    @TempDir
    Path directory;

    private final NativeMemory buffer = NativeMemory.allocate(OutputLog.HEADER + (1 << 20));

    private OutputLog log(LogConfig config, LogDriver... drivers) {
        return OutputLog.of(directory, OutputLogTest.ORIGIN, config, new LogDrivers(List.of(drivers)), false);
    }

    private void append(OutputLog log, LogStream stream, byte[] bytes) {
        buffer.bytes().put(OutputLog.HEADER, bytes);
        log.append(stream, buffer, bytes.length);
    }

    private void append(OutputLog log, LogStream stream, String text) {
        append(log, stream, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Written by hand from what Docker's json-file does; no dockerd was asked. */
    @Test
    void jsonFilesAreAsDockerWritesThem() throws IOException {
        var log = log(LogConfig.of("json-file")
                .option("labels", "tier,none")
                .option("env", "MODE")
                .option("tag", "{{.Name}}/{{.ID}}"));
        append(log, LogStream.STDOUT, "plain\n");
        append(log, LogStream.STDERR, "q\" b\\ <&> \t\u0001\r é \u2028 \ud83d\ude00\n");
        append(log, LogStream.STDOUT, new byte[] {'x', (byte) 0xff, (byte) 0xc3, '\n'});
        append(log, LogStream.STDOUT, "a".repeat(16_384 * 2) + "b\n");
        append(log, LogStream.STDOUT, "no end");
        log.complete();
        var file = directory.resolve(OutputLogTest.ORIGIN.id() + "-json.log");
        var attributes = ",\"attrs\":{\"MODE\":\"test\",\"tag\":\"web/0123456789ab\",\"tier\":\"front\"}";

        assertThat(Files.readAllLines(file).stream()
                        .map(line -> line.replaceAll(
                                "\"time\":\"20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{0,8}[1-9])?Z\"}$",
                                "T}")))
                .containsExactly(
                        "{\"log\":\"plain\\n\",\"stream\":\"stdout\"" + attributes + ",T}",
                        "{\"log\":\"q\\\" b\\\\ \\u003c\\u0026\\u003e \\u0009\\u0001\\r é \\u2028 \ud83d\ude00\\n\","
                                + "\"stream\":\"stderr\"" + attributes + ",T}",
                        "{\"log\":\"x\\ufffd\\ufffd\\n\",\"stream\":\"stdout\"" + attributes + ",T}",
                        "{\"log\":\"" + "a".repeat(16_384) + "\",\"stream\":\"stdout\"" + attributes + ",T}",
                        "{\"log\":\"" + "a".repeat(16_384) + "\",\"stream\":\"stdout\"" + attributes + ",T}",
                        "{\"log\":\"b\\n\",\"stream\":\"stdout\"" + attributes + ",T}",
                        "{\"log\":\"no end\",\"stream\":\"stdout\"" + attributes + ",T}");
        assertThat(log.logs().lines().map(LogLine::text))
                .containsExactly(
                        "plain",
                        "q\" b\\ <&> \t\u0001\r é \u2028 \ud83d\ude00",
                        "x\ufffd\ufffd",
                        "a".repeat(16_384 * 2) + "b",
                        "no end");
        assertThat(JsonFormat.time(1_700_000_000_120_000_000L)).isEqualTo("2023-11-14T22:13:20.12Z");
        assertThat(JsonFormat.time(1_700_000_000_000_000_000L)).isEqualTo("2023-11-14T22:13:20Z");
    }

    private static final String SYSLOG =
            "<%d>1 20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z \\S+ web - - - %s";

    @Test
    void syslogByUdp() throws Exception {
        try (var server = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
            var log = log(LogConfig.of("syslog")
                    .option("syslog-address", "udp://127.0.0.1:" + server.getLocalPort())
                    .option("syslog-facility", "local3")
                    .option("tag", "{{.Name}}"));
            log.begin();
            append(log, LogStream.STDOUT, "hello\n");
            append(log, LogStream.STDERR, "oops\n");
            server.setSoTimeout(60_000);

            assertThat(receive(server)).matches(SYSLOG.formatted(158, "hello"));
            assertThat(receive(server)).matches(SYSLOG.formatted(155, "oops"));
            assertThat(log.logs().lines().map(LogLine::text)).containsExactly("hello", "oops");
            log.complete();
            log.close();
        }
    }

    private static String receive(DatagramSocket server) throws IOException {
        var packet = new DatagramPacket(new byte[65536], 65536);
        server.receive(packet);
        return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.UTF_8);
    }

    @Test
    void syslogByUnixDatagrams() throws Exception {
        var path = directory.resolve("dev-log").toString();
        try (var server = Fd.of(Syscalls.call(Syscall.SOCKET, Abi.AF_UNIX, Abi.SOCK_DGRAM | Abi.SOCK_CLOEXEC, 0));
                var scratch = Scratch.frame()) {
            var address = scratch.take(110);
            address.putShort(0, (short) Abi.AF_UNIX).put(2, path.getBytes(StandardCharsets.UTF_8));
            assertThat(Syscalls.call(Syscall.BIND, server.number(), Scratch.address(address), 110))
                    .isZero();
            var log = log(LogConfig.of("syslog")
                    .option("syslog-address", "unix://" + path)
                    .option("tag", "{{.Name}}"));
            log.begin();
            append(log, LogStream.STDOUT, "hello\n");
            assertThat(Poll.readable(server, Duration.ofSeconds(60), "cannot wait"))
                    .isTrue();
            var received = scratch.take(1000);
            var count = Syscalls.call(Syscall.READ, server.number(), Scratch.address(received), 1000);
            var text = new byte[(int) count];
            received.get(0, text);

            assertThat(new String(text, StandardCharsets.UTF_8)).matches(SYSLOG.formatted(30, "hello"));
            log.complete();
            log.close();
        }
    }

    @Test
    void linesGoToALoggerAtTheLevelOfTheirStream() {
        var logger = new Recording();
        var consumer = Slf4jConsumer.of(logger).prefix("web: ").level(LogStream.STDERR, Level.ERROR);
        consumer.accept(new LogLine(Instant.EPOCH, LogStream.STDOUT, new byte[] {'a', '{', '}'}));
        consumer.accept(new LogLine(Instant.EPOCH, LogStream.STDERR, new byte[] {'b'}));

        assertThat(logger.lines).containsExactly("INFO web: a{}", "ERROR web: b");
    }

    private static final class Recording extends LegacyAbstractLogger {
        private static final long serialVersionUID = 1L;

        private final transient List<String> lines = new ArrayList<>();

        @Override
        protected void handleNormalizedLoggingCall(
                Level level,
                @Nullable Marker marker,
                String pattern,
                Object @Nullable [] arguments,
                @Nullable Throwable thrown) {
            lines.add(level + " " + MessageFormatter.basicArrayFormat(pattern, arguments));
        }

        @Override
        protected @Nullable String getFullyQualifiedCallerName() {
            return null;
        }

        @Override
        public boolean isTraceEnabled() {
            return true;
        }

        @Override
        public boolean isDebugEnabled() {
            return true;
        }

        @Override
        public boolean isInfoEnabled() {
            return true;
        }

        @Override
        public boolean isWarnEnabled() {
            return true;
        }

        @Override
        public boolean isErrorEnabled() {
            return true;
        }
    }

    @Test
    void syslogByTcpWaitsForItsServerAndLosesNothing() throws Exception {
        int port;
        try (var probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = probe.getLocalPort();
        }
        var log = log(LogConfig.of("syslog")
                .option("syslog-address", "tcp://127.0.0.1:" + port)
                .option("tag", "{{.Name}}"));
        log.begin();
        append(log, LogStream.STDOUT, "early\n" + "x".repeat(20_000) + "\n");
        Eventually.isTrue(() -> !log.logs().status().problem().isEmpty());
        assertThat(log.logs().status().problem()).startsWith("cannot connect to tcp://127.0.0.1:" + port + ": ");
        try (var server = new ServerSocket(port, 1, InetAddress.getLoopbackAddress());
                var connection = server.accept();
                var lines = connection.getInputStream()) {
            var reader = new java.io.BufferedReader(new java.io.InputStreamReader(lines, StandardCharsets.UTF_8));
            assertThat(reader.readLine()).matches(SYSLOG.formatted(30, "early"));
            assertThat(reader.readLine()).matches(SYSLOG.formatted(30, "x{16384}"));
            assertThat(reader.readLine()).matches(SYSLOG.formatted(30, "x{3616}"));
            Eventually.passes(
                    () -> assertThat(log.logs().status().delivered()).isEqualTo(2)); // closing waits for a second only
            log.complete();
            log.close();
            assertThat(log.logs().status().delivered()).isEqualTo(2);
            assertThat(log.logs().status().problem()).isEmpty();
        }
    }

    @Test
    void fluentdGetsRecordsAndAcknowledgesThem() throws Exception {
        try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var log = log(LogConfig.of("fluentd")
                    .option("fluentd-address", "tcp://127.0.0.1:" + server.getLocalPort())
                    .option("fluentd-request-ack", "true")
                    .option("labels", "tier"));
            log.begin();
            append(log, LogStream.STDERR, "hello\n");
            for (var attempt = 0; attempt < 2; attempt++) {
                try (var connection = server.accept();
                        var input = new DataInputStream(connection.getInputStream());
                        var output = new DataOutputStream(connection.getOutputStream())) {
                    var message = (List<?>) decode(input);
                    var entry = (List<?>) ((List<?>) message.get(1)).get(0);
                    assertThat(message.get(0)).isEqualTo("0123456789ab");
                    assertThat((byte[]) entry.get(0)).hasSize(8);
                    assertThat(entry.get(1))
                            .isEqualTo(Map.of(
                                    "container_id", OutputLogTest.ORIGIN.id(),
                                    "container_name", "/web",
                                    "source", "stderr",
                                    "log", "hello",
                                    "tier", "front"));
                    if (attempt == 1) { // the first one got no answer, so it comes again
                        var chunk = String.valueOf(((Map<?, ?>) message.get(2)).get("chunk"));
                        output.write(
                                new MessagePack().map(1).text("ack").text(chunk).toByteArray());
                        output.flush();
                        Eventually.isTrue(() -> log.logs().status().delivered() > 0);
                    }
                }
            }
            log.complete();
            log.close();
            assertThat(log.logs().status().delivered()).isEqualTo(1);
        }
    }

    /** What of MessagePack is sent. */
    private static Object decode(DataInputStream input) throws IOException {
        var head = input.readUnsignedByte();
        if ((head & 0xf0) == 0x80) {
            var map = new LinkedHashMap<Object, Object>();
            for (var i = 0; i < (head & 0xf); i++) {
                var key = decode(input);
                map.put(key, decode(input));
            }
            return map;
        }
        if ((head & 0xf0) == 0x90 || head == 0xdd) {
            var size = head == 0xdd ? input.readInt() : head & 0xf;
            var list = new ArrayList<Object>();
            for (var i = 0; i < size; i++) {
                list.add(decode(input));
            }
            return list;
        }
        if ((head & 0xe0) == 0xa0) {
            return new String(input.readNBytes(head & 0x1f), StandardCharsets.UTF_8);
        }
        return switch (head) {
            case 0xda -> new String(input.readNBytes(input.readUnsignedShort()), StandardCharsets.UTF_8);
            case 0xdb -> new String(input.readNBytes(input.readInt()), StandardCharsets.UTF_8);
            case 0xce -> input.readInt();
            case 0xd7 -> input.readUnsignedByte() == 0 ? input.readNBytes(8) : new byte[0];
            default -> throw new IOException("unexpected " + head);
        };
    }

    /** Refuses once with each kind of exception. */
    private record Own(BlockingQueue<String> taken, AtomicInteger calls) implements LogDriver {
        @Override
        public String name() {
            return "own";
        }

        @Override
        public LogSink open(LogOrigin origin, Map<String, String> options) {
            return new LogSink() {
                @Override
                public void write(List<LogLine> lines) throws IOException {
                    switch (calls.incrementAndGet()) {
                        case 1 -> throw new IOException("later");
                        case 3 -> throw new IllegalStateException("never");
                        default -> lines.forEach(line -> taken.add(origin.name() + ":" + line.text()));
                    }
                }

                @Override
                public void close() {
                    taken.add("closed");
                }
            };
        }
    }

    @Test
    void aDriverOfOnesOwnMaySayLaterOrNever() throws Exception {
        var own = new Own(new LinkedBlockingQueue<>(), new AtomicInteger());
        var log = log(LogConfig.of("own").option("cache-max-size", "1m"), own);
        log.begin();
        append(log, LogStream.STDOUT, "a\n");
        assertThat(own.taken.poll(60, TimeUnit.SECONDS)).isEqualTo("web:a");
        append(log, LogStream.STDOUT, "b\n");
        Eventually.isTrue(() -> log.logs().status().failed() > 0);
        append(log, LogStream.STDOUT, "c\n");
        assertThat(own.taken.poll(60, TimeUnit.SECONDS)).isEqualTo("web:c");
        Eventually.passes(() -> assertThat(log.logs().status().delivered()).isEqualTo(2));
        log.complete();
        log.close();

        assertThat(own.taken.poll(60, TimeUnit.SECONDS)).isEqualTo("closed");
        assertThat(own.taken).isEmpty();
        assertThat(log.logs().status().delivered()).isEqualTo(2);
        assertThat(log.logs().status().failed()).isEqualTo(1);
    }

    @Test
    void wrongOptionsAreRefused() {
        assertThatThrownBy(() -> log(LogConfig.of("syslog").option("syslog-facility", "local9")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot keep logs of web: option syslog-facility=local9 of log driver syslog"
                        + " is none of kern, user, ");
        assertThatThrownBy(() -> log(LogConfig.of("syslog").option("syslog-address", "tcp://host:70000")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option syslog-address=tcp://host:70000 of log driver syslog is"
                        + " no address as tcp://host:port, udp://host:port or unix:///path");
        assertThatThrownBy(() -> log(LogConfig.of("fluentd").option("fluentd-address", "udp://127.0.0.1")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option fluentd-address=udp://127.0.0.1 of log driver fluentd is"
                        + " neither tcp:// nor unix://");
        assertThatThrownBy(() -> log(LogConfig.of("fluentd").option("fluentd-request-ack", "yes")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option fluentd-request-ack=yes of log driver fluentd is neither"
                        + " true nor false");
    }
}
