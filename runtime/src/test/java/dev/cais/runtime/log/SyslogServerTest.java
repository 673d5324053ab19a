package dev.cais.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.LogConfig;
import dev.cais.LogStream;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Lines sent to a unix stream socket, and what Debian's rsyslog reads in what is sent to it. */
@Timeout(120)
class SyslogServerTest {
    @TempDir
    Path directory;

    private final NativeMemory buffer = NativeMemory.allocate(OutputLog.HEADER + (1 << 16));

    private OutputLog log(String address) throws IOException {
        var config = LogConfig.of("syslog")
                .option("syslog-address", address)
                .option("syslog-facility", "local3")
                .option("tag", "{{.Name}}");
        var log = OutputLog.of(
                Files.createTempDirectory(directory, "log"),
                OutputLogTest.ORIGIN,
                config,
                new LogDrivers(List.of()),
                false);
        log.begin();
        return log;
    }

    private void append(OutputLog log, LogStream stream, String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        buffer.bytes().put(OutputLog.HEADER, bytes);
        log.append(stream, buffer, bytes.length);
    }

    @Test
    void aUnixStreamSocketGetsALineForEachMessage() throws Exception {
        var path = directory.resolve("stream");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(path));
            var log = log("unix://" + path);
            append(log, LogStream.STDOUT, "one\ntwo\n");
            append(log, LogStream.STDERR, "three\n");
            try (var connection = server.accept();
                    var lines = new java.io.BufferedReader(Channels.newReader(connection, StandardCharsets.UTF_8))) {
                assertThat(lines.readLine()).matches("<158>1 \\S+ \\S+ web - - - one");
                assertThat(lines.readLine()).matches("<158>1 \\S+ \\S+ web - - - two");
                assertThat(lines.readLine()).matches("<155>1 \\S+ \\S+ web - - - three");
                Eventually.passes(() ->
                        assertThat(log.logs().status().delivered()).isEqualTo(3)); // closing waits for a second only
                log.complete();
                log.close();
                assertThat(lines.readLine()).isNull();
            }
            assertThat(log.logs().status().delivered()).isEqualTo(3);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"imuxsock", "imtcp", "imudp"})
    @RequiresProgram("rsyslogd")
    void rsyslogReadsEachFieldAsItWasMeant(String input) throws Exception {
        var port = freePort();
        var socket = directory.resolve("log.sock");
        var output = directory.resolve("out");
        var configuration = Files.writeString(
                directory.resolve("rsyslog.conf"), """
                global(workDirectory="%s" maxMessageSize="64k")
                module(load="imuxsock" SysSock.Use="off")
                module(load="imudp")
                module(load="imtcp")
                input(type="imuxsock" Socket="%s" UseSpecialParser="off" ParseHostname="on")
                input(type="imudp" Address="127.0.0.1" Port="%d")
                input(type="imtcp" Address="127.0.0.1" Port="%d")
                template(name="t" type="string"
                    string="%%inputname%% %%syslogfacility-text%% %%syslogseverity-text%% %%app-name%%|%%msg%%\\n")
                action(type="omfile" File="%s" Template="t")
                """.formatted(directory, socket, port, port, output));
        var server = new ProcessBuilder(
                        Programs.find("rsyslogd").orElseThrow().toString(),
                        "-n",
                        "-f",
                        configuration.toString(),
                        "-i",
                        directory.resolve("pid").toString())
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("messages").toFile())
                .start();
        try {
            // its sockets are all open once the first message has arrived
            var address = input.equals("imuxsock")
                    ? "unix://" + socket
                    : (input.equals("imtcp") ? "tcp" : "udp") + "://127.0.0.1:" + port;
            var probe = log("tcp://127.0.0.1:" + port);
            append(probe, LogStream.STDOUT, "ready\n");
            await(server, output, "ready");
            probe.complete();
            probe.close();

            var log = log(address);
            append(log, LogStream.STDOUT, "hello wörld <1> [x=\"y\"]\n");
            append(log, LogStream.STDERR, "oops\n");
            append(log, LogStream.STDOUT, "x".repeat(20_000) + "\n");
            append(log, LogStream.STDOUT, "last\n");
            await(server, output, "|last");
            log.complete();
            log.close();

            assertThat(Files.readAllLines(output).subList(1, 6))
                    .containsExactly(
                            input + " local3 info web|hello wörld <1> [x=\"y\"]",
                            input + " local3 err web|oops",
                            input + " local3 info web|" + "x".repeat(16_384),
                            input + " local3 info web|" + "x".repeat(3616),
                            input + " local3 info web|last");
        } finally {
            server.destroy();
            assertThat(server.waitFor(60, TimeUnit.SECONDS)).isTrue();
        }
    }

    /** Until a line is there as a whole; the class's timeout bounds it. */
    private void await(Process server, Path output, String text) throws Exception {
        while (!Files.exists(output) || !Files.readString(output).contains(text + "\n")) {
            assertThat(server.isAlive())
                    .as(Files.readString(directory.resolve("messages")))
                    .isTrue();
            Thread.sleep(10);
        }
    }

    /** Free for datagrams, too. */
    private static int freePort() throws IOException {
        try (var stream = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                var datagrams = new DatagramSocket(stream.getLocalPort(), InetAddress.getLoopbackAddress())) {
            return datagrams.getLocalPort();
        }
    }
}
