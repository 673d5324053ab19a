package dev.cais.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.LogConfig;
import dev.cais.LogLine;
import dev.cais.LogStream;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What goes to fluentd, as Debian's MessagePack for Python reads it. */
@Timeout(120)
class FluentdReaderTest {
    /** Each event of a stream of messages in Forward mode, one a line. */
    private static final String READER = """
        import sys, msgpack
        for tag, events, options in msgpack.Unpacker(sys.stdin.buffer, raw=True):
            assert list(options) == [b'size'] and options[b'size'] == len(events)
            for time, record in events:
                assert time.code == 0 and len(time.data) == 8
                assert len(record) == 5
                print(tag.decode(),
                      int.from_bytes(time.data[:4], 'big'), int.from_bytes(time.data[4:], 'big'),
                      record[b'container_id'].decode(), record[b'container_name'].decode(),
                      record[b'tier'].decode(), record[b'source'].decode(), record[b'log'].hex())
        """;

    @TempDir
    Path directory;

    private final NativeMemory buffer = NativeMemory.allocate(OutputLog.HEADER + (1 << 20));

    private void append(OutputLog log, LogStream stream, byte[] bytes) {
        buffer.bytes().put(OutputLog.HEADER, bytes);
        log.append(stream, buffer, bytes.length);
    }

    @Test
    @RequiresProgram({"/usr/bin/python3", "/usr/lib/python3/dist-packages/msgpack"})
    void eachLineIsARecordWithItsTime() throws IOException, InterruptedException {
        List<LogLine> lines;
        byte[] sent;
        try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            var log = OutputLog.of(
                    directory,
                    OutputLogTest.ORIGIN,
                    LogConfig.of("fluentd")
                            .option("fluentd-address", "tcp://127.0.0.1:" + server.getLocalPort())
                            .option("tag", "docker.{{.Name}}")
                            .option("labels", "tier"),
                    new LogDrivers(List.of()),
                    false);
            log.begin();
            // each length needs another head, and so do more than fifteen events
            for (var length : List.of(0, 1, 31, 32, 255, 256, 65_535, 65_536, 100_000)) {
                append(log, LogStream.STDOUT, ("x".repeat(length) + "\n").getBytes(StandardCharsets.UTF_8));
            }
            append(log, LogStream.STDERR, "grüße \ud83d\ude00\n".repeat(40).getBytes(StandardCharsets.UTF_8));
            append(log, LogStream.STDERR, new byte[] {'a', 0, (byte) 0xff, 'b', '\n'});
            log.complete();
            lines = log.logs().lines().toList();
            try (var connection = server.accept()) {
                var reading = CompletableFuture.supplyAsync(() -> readAll(connection));
                var count = lines.size();
                Eventually.isTrue(() -> log.logs().status().delivered() >= count);
                log.close(); // and with it the connection
                sent = reading.join();
            }
        }
        Files.write(directory.resolve("sent"), sent);
        Files.writeString(directory.resolve("reader.py"), READER);

        assertThat(lines).hasSize(50);
        assertThat(Programs.output("sh", "-c", "cd " + directory + " && /usr/bin/python3 reader.py <sent"))
                .isEqualTo(lines.stream().map(FluentdReaderTest::expected).collect(Collectors.joining()));
    }

    private static byte[] readAll(Socket connection) {
        try {
            return connection.getInputStream().readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String expected(LogLine line) {
        var time = line.time();
        return "docker.web %d %d %s /web front %s %s\n"
                .formatted(
                        time.getEpochSecond(),
                        time.getNano(),
                        OutputLogTest.ORIGIN.id(),
                        line.stream().name().toLowerCase(Locale.ROOT),
                        HexFormat.of().formatHex(line.bytes()));
    }
}
