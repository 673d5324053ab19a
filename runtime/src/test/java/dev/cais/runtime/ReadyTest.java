package dev.cais.runtime;

import static dev.cais.Ready.all;
import static dev.cais.Ready.any;
import static dev.cais.Ready.command;
import static dev.cais.Ready.file;
import static dev.cais.Ready.http;
import static dev.cais.Ready.listening;
import static dev.cais.Ready.logLine;
import static dev.cais.Ready.not;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerExitedException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.ListeningPort;
import dev.cais.Protocol;
import dev.cais.Ready;
import dev.cais.TimedOutException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Waiting for containers, against real servers inside them. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ReadyTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final Duration ENOUGH_TO_ANSWER = Duration.ofSeconds(3);
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static Container start(String script) {
        return engine.containers()
                .start(ContainerSpec.of("busybox").command("sh", "-c", script).name("web"));
    }

    @Test
    void aPortIsSeenWhoeverListens() {
        var dhcp = "printf 'interface lo\\n"
                + "start 127.0.0.2\\n"
                + "end 127.0.0.9\\n"
                + "lease_file /tmp/leases\\n"
                + "' >/tmp/conf; udhcpd -f /tmp/conf";
        try (var web = start("sleep 0.3; httpd -p 127.0.0.1:7000; " + dhcp)) {
            web.awaitReady(listening(7000), LONG);
            web.awaitReady(listening(67).udp(), LONG);

            assertThat(web.listeningPorts())
                    .contains(new ListeningPort(Protocol.TCP, InetAddress.getLoopbackAddress(), 7000))
                    .extracting(ListeningPort::toString)
                    .containsExactly("0.0.0.0:67/udp", "127.0.0.1:7000/tcp");
            assertThatThrownBy(() -> web.awaitReady(listening(7000).onlyBeyondLoopback(), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageStartingWith(
                            "cannot wait for container web to be ready: after PT0.3S, nothing listens on"
                                    + " 7000/tcp but on loopback [log=[udhcpd: started");
        }
    }

    @Test
    void aPortOfIpv6IsSeen() {
        try (var web = start("httpd -p [::1]:7000; sleep 600")) {
            web.awaitReady(listening(7000), LONG);

            assertThat(web.listeningPorts())
                    .extracting(ListeningPort::toString)
                    .containsExactly("[0:0:0:0:0:0:0:1]:7000/tcp");
            assertThat(web.listeningPorts().get(0).isOnLoopbackOnly()).isTrue();
        }
    }

    @Test
    void aPortOfAnotherContainerIsNotSeen() {
        try (var web = start("sleep 600 | nc -l -p 7000 & sleep 600");
                var other =
                        engine.containers().start(ContainerSpec.of("busybox").command("sleep", "600"))) {
            web.awaitReady(listening(7000), LONG);

            assertThat(other.listeningPorts()).isEmpty();
        }
    }

    @Test
    void httpIsAskedInsideTheNetworkNamespace() {
        try (var web =
                start("mkdir /www; echo 'all is well' >/www/health; sleep 0.2; httpd -f -p 127.0.0.1:8080 -h /www")) {
            web.awaitReady(http(8080).path("/health").status(200).body(text -> text.equals("all is well\n")), LONG);
            web.awaitReady(http(8080).path("/none").status(404), LONG);

            assertThatThrownBy(() -> web.awaitReady(http(8080).path("/none"), ENOUGH_TO_ANSWER))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessage("cannot wait for container web to be ready: after PT3S, GET /none on port 8080 gives"
                            + " status 404 [log=[]]; see its log, or wait longer");
            assertThatThrownBy(() -> web.awaitReady(http(8080).path("/health").body(String::isEmpty), ENOUGH_TO_ANSWER))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("GET /health on port 8080 gives a body that is not as wanted");
            assertThatThrownBy(() -> web.awaitReady(http(81), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("after PT0.3S, nothing listens on 81/tcp");
        }
    }

    @Test
    void aServerThatSaysNothingIsNotWaitedForLongerThanToldTo() {
        try (var web = start("sleep 600 | nc -l -p 8080 & nc -l -p 8081 -e echo hello & sleep 600")) {
            web.awaitReady(all(listening(8080), listening(8081)), LONG);

            assertThatThrownBy(() -> web.awaitReady(http(8080), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("GET / on port 8080 failed: no answer in time");
            assertThat(http(8081).missing(web))
                    .contains("GET / on port 8081 failed: no answer as HTTP/1.1 has it: 'hello'");
        }
    }

    @Test
    void aConnectionIsMadeWithoutAPublishedPort() throws IOException {
        try (var web = start("nc -l -p 7000 -e cat & sleep 600")) {
            web.awaitReady(listening(7000), LONG);
            try (var connection = web.connect(7000, LONG)) {
                connection.output().write("over and back".getBytes(StandardCharsets.UTF_8));

                assertThat(connection.input().readNBytes(13)).asString().isEqualTo("over and back");
                web.kill("KILL");
                assertThat(connection.input().read()).isEqualTo(-1);
            }
        }
    }

    @Test
    void aPortThatNobodyListensOnIsNotConnectedTo() {
        try (var web = start("sleep 600")) {
            assertThatThrownBy(() -> web.connect(7000, LONG))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot connect to port 7000 of container web: nobody listens there [listening=[]]");
        }
    }

    @Test
    void aConnectionThatIsClosedByAnotherThreadEndsItsReader() throws Exception {
        try (var web = start("sleep 600 | nc -l -p 7000 & sleep 600")) {
            web.awaitReady(listening(7000), LONG);
            var connection = web.connect(7000, LONG);
            var read = CompletableFuture.supplyAsync(() -> {
                try {
                    return connection.input().read();
                } catch (IOException e) {
                    return -2;
                }
            });
            connection.close();
            connection.close();

            assertThat(read.get()).isNegative();
            assertThatThrownBy(() -> connection.output().write(1))
                    .isInstanceOf(IOException.class)
                    .hasMessage("the connection to port 7000 of container web is closed");
        }
    }

    @Test
    void linesOfTheLogAreCounted() throws IOException {
        var script = "echo one up; read go; echo two up >&2; read go; echo three; sleep 600";
        var spec = ContainerSpec.of("busybox").command("sh", "-c", script).name("web");
        try (var web = engine.containers().start(spec.openStdin());
                var typing = web.attach()) {
            web.awaitReady(logLine("one up"), LONG);
            typing.stdin().write('\n');
            web.awaitReady(logLine("two up"), LONG); // of the other stream, which is read by itself
            typing.stdin().write('\n');
            web.awaitReady(logLine("^three$"), LONG);
            web.awaitReady(logLine("u[p]", 2), LONG);

            assertThatThrownBy(() -> web.awaitReady(logLine("up", 3), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessage(
                            "cannot wait for container web to be ready: after PT0.3S, 2 of 3 lines of the log match up"
                                    + " [log=[one up, two up, three]]; see its log, or wait longer");
        }
    }

    @Test
    void commandsAndFilesAreLookedAtInside() {
        try (var web =
                start("sleep 0.2; mkdir /run; ln -s /proc/self/root/etc/hosts /run/escape; touch /run/up; sleep 600")) {
            web.awaitReady(command("test", "-f", "/run/up"), LONG);
            web.awaitReady(file("/run/up"), LONG);

            assertThat(file("/run/none").missing(web)).contains("there is no file /run/none");
            assertThat(file("/run/escape").missing(web)).contains("there is no file /run/escape");
            assertThat(command("false").missing(web)).contains("the command 'false' ends with exit 1");
            assertThatThrownBy(() -> web.awaitReady(command("sleep", "60"), SHORT))
                    .isInstanceOf(TimedOutException.class);
            assertThat(web.exec("pidof", "sleep").stdout().strip().split(" ")).hasSize(1);
        }
    }

    @Test
    void aWaitEndsWithItsContainer() {
        try (var web = start("echo begun; sleep 0.2; echo 'no disk' >&2; exit 3")) {
            var ended = catchThrowableOfType(
                    ContainerExitedException.class, () -> web.awaitReady(listening(80), Duration.ofDays(1)));

            assertThat(ended)
                    // it may have ended before the first look
                    .hasMessageMatching(
                            "cannot wait for container web to be ready: it has ended(, and nothing listens on"
                                    + " 80/tcp)? \\[exitCode=3, oomKilled=false, log=\\[begun, no disk]]");
            assertThat(ended.exitStatus())
                    .hasValueSatisfying(status -> assertThat(status.exitCode()).isEqualTo(3));
            assertThat(ended.lastLines()).containsExactly("begun", "no disk");
            assertThatThrownBy(() -> web.awaitReady(listening(80), LONG)).isInstanceOf(ContainerExitedException.class);
            assertThatThrownBy(() -> web.awaitReady(command("true"), LONG))
                    .isInstanceOf(ContainerExitedException.class);
            assertThatThrownBy(() -> web.awaitReady(container -> Optional.empty(), LONG))
                    .isInstanceOf(ContainerExitedException.class);
        }
    }

    @Test
    void memorysEndIsTold() {
        var spec = ContainerSpec.of("busybox")
                .command("sh", "-c", "sleep 0.1; tail /dev/zero")
                .memory(dev.cais.ByteSize.mib(16));
        try (var web = engine.containers().start(spec)) {
            var ended = catchThrowableOfType(ContainerExitedException.class, () -> web.awaitReady(listening(80), LONG));

            assertThat(ended.exitStatus().orElseThrow().oomKilled()).isTrue();
        }
    }

    @Test
    void onlyTheLastLinesAreShown() {
        try (var web = start("seq 1000; head -c 1000 /dev/zero | tr '\\0' x; echo; sleep 600")) {
            web.awaitReady(logLine("xxx"), LONG);

            var late = catchThrowableOfType(TimedOutException.class, () -> web.awaitReady(file("/none"), SHORT));
            assertThat(late.facts().get("log"))
                    .asInstanceOf(org.assertj.core.api.InstanceOfAssertFactories.LIST)
                    .hasSize(10)
                    .startsWith("992")
                    .endsWith("x".repeat(200) + "…");
        }
    }

    @Test
    void conditionsCombine() {
        try (var web = start("echo up; sleep 600 | nc -l -p 7000 & sleep 600")) {
            web.awaitReady(all(listening(7000), logLine("up"), not(logLine("FATAL"))), LONG);
            web.awaitReady(any(listening(7001), logLine("up")), LONG);
            web.awaitReady(any(listening(7001).within(Duration.ofMillis(1)), logLine("up")), LONG);
            web.awaitReady(all(), LONG);
            assertThat(all(listening(7000), not(listening(7001))).missing(web)).isEmpty();

            assertThatThrownBy(() -> web.awaitReady(all(listening(7001), listening(7000), file("/none")), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("after PT0.3S, nothing listens on 7001/tcp, and there is no file /none [");
            assertThatThrownBy(() -> web.awaitReady(all(listening(7001), not(logLine("up"))), LONG))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot wait for container web to be ready: there is what must not be: a line of the log"
                                    + " that matches up [log=[up]]");
            assertThatThrownBy(() ->
                            web.awaitReady(all(listening(7000), listening(7001).within(SHORT)), LONG))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("after PT0.3S, nothing listens on 7001/tcp");
            assertThatThrownBy(() -> web.awaitReady(
                            any(listening(7001).within(SHORT), file("/none").within(SHORT)), LONG))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("after PT0.3S, nothing listens on 7001/tcp");
        }
    }

    @Test
    void aConditionOfOnesOwnIsAFunction() {
        var looks = new AtomicInteger();
        Ready third =
                container -> looks.incrementAndGet() == 3 ? Optional.empty() : Optional.of("it is look " + looks.get());
        try (var web = start("sleep 600")) {
            web.awaitReady(third.every(Duration.ofMillis(1)), LONG);
            assertThat(looks).hasValue(3);

            assertThatThrownBy(() -> web.awaitReady(container -> Optional.of("it never is"), SHORT))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessageContaining("after PT0.3S, it never is [log=[]]");
            assertThatThrownBy(() -> web.awaitReady(
                            container -> {
                                throw new IllegalStateException("broken");
                            },
                            LONG))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("broken");
        }
    }

    @Test
    void anInterruptionEndsTheWait() {
        try (var web = start("sleep 600")) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> web.awaitReady(listening(80), LONG))
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot wait for container web to be ready: the thread was interrupted");
            assertThat(Thread.interrupted()).isTrue();

            var waiting = Thread.currentThread();
            Ready interrupts = container -> {
                waiting.interrupt();
                return Optional.of("interrupted");
            };
            assertThatThrownBy(() -> web.awaitReady(interrupts, LONG)).isInstanceOf(CancelledException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void whatMakesNoSenseIsRefused() {
        assertThatThrownBy(() -> listening(0))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot wait for port 0: it is not 1 to 65535");
        assertThatThrownBy(() -> http(80).path("no slash"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot request 'no slash': a path begins with a slash and has printable ASCII only;"
                        + " encode the rest with percent signs");
        assertThatThrownBy(() -> logLine("("))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot wait for a line that matches (: Unclosed group at 1");
        assertThatThrownBy(() -> logLine("x", 0)).isInstanceOf(InvalidSpecException.class);
        assertThatThrownBy(() -> file("etc/passwd"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot wait for file etc/passwd: it is not absolute");
        assertThatThrownBy(() -> any()).isInstanceOf(InvalidSpecException.class);
        assertThatThrownBy(() -> listening(80).within(Duration.ZERO))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot wait with a time of PT0S: it is not positive");
    }

    @Test
    void oneThatWasNeverStartedIsNotWaitedFor() {
        try (var web = engine.containers()
                .create(ContainerSpec.of("busybox").command("sleep", "600").name("web"))) {
            assertThatThrownBy(() -> web.awaitReady(listening(80), LONG))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot see the ports of container web: it is created; start it first");
        }
    }
}
