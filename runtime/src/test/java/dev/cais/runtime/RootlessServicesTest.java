package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static dev.cais.Ready.logLine;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.PortMapping;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Real services of a plain user's engine, by their published ports. */
@AsPlainUser(subordinateIds = true, debian = "redis-server")
@LeakChecked
@Timeout(300)
class RootlessServicesTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int PATIENCE = 60_000;
    private static final InetAddress LOOPBACK = Subnet.parseAddress("127.0.0.1");
    private static final List<String> PACKAGES = List.of("redis-server");

    /** Sends back each datagram. */
    private static final String UDP_ECHO = """
        use Socket;
        socket(S, PF_INET, SOCK_DGRAM, 17) && bind(S, sockaddr_in(5353, INADDR_ANY)) or die;
        $| = 1; print "ready\\n";
        while (defined($from = recv(S, $b, 2000, 0))) { send(S, $b, 0, $from) }
        """;

    @Test
    void aServiceIsReachedByItsPort(TestStore store) throws Exception {
        try (var engine = store.openEngine()) {
            engine.images().importRootfs(TestImages.debianWith(PACKAGES.toArray(String[]::new)), "debian");
            var redis = ContainerSpec.of("debian")
                    .name("cache")
                    .command("redis-server", "--protected-mode", "no", "--save", "")
                    .publish(6379);
            try (var cache = engine.containers().start(redis)) {
                cache.awaitReady(listening(6379), LONG);
                try (var socket = new Socket(LOOPBACK, cache.hostPort(6379))) {
                    socket.setSoTimeout(PATIENCE);
                    socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
                    assertThat(socket.getInputStream().readNBytes(7)).asString().isEqualTo("+PONG\r\n");
                }
                assertThat(cache.exec("redis-cli", "set", "k", "v").stdout()).isEqualTo("OK\n");
            }
            var echo = ContainerSpec.of("debian")
                    .command("perl", "-e", UDP_ECHO)
                    .publish(PortMapping.of(5353).protocol(Protocol.UDP));
            try (var server = engine.containers().start(echo);
                    var one = client(server.hostPort(5353, Protocol.UDP));
                    var two = client(server.hostPort(5353, Protocol.UDP))) {
                server.awaitReady(logLine("ready"), LONG);
                assertThat(exchange(one, "one")).isEqualTo("one");
                assertThat(exchange(two, "two")).isEqualTo("two");
                assertThat(exchange(one, "three")).isEqualTo("three");
            }
        }
    }

    private static DatagramSocket client(int port) throws IOException {
        var socket = new DatagramSocket();
        socket.connect(new InetSocketAddress(LOOPBACK, port));
        socket.setSoTimeout(PATIENCE);
        return socket;
    }

    private static String exchange(DatagramSocket socket, String content) throws IOException {
        var bytes = content.getBytes(StandardCharsets.US_ASCII);
        socket.send(new DatagramPacket(bytes, bytes.length));
        var packet = new DatagramPacket(new byte[100], 100);
        socket.receive(packet);
        return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.US_ASCII);
    }

    /** ARG is the store. */
    static final class Victim {
        private Victim() {}

        public static void main(String[] args) throws Exception {
            var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
            var net = engine.networks().create("victims");
            var web = engine.containers().start(EchoServer.SPEC.join(net).publish(80));
            web.awaitReady(listening(80), LONG);
            System.out.println(web.hostPort(80));
            Thread.sleep(Duration.ofMinutes(5).toMillis());
        }
    }

    @Test
    void nothingIsLeftOfAKilledJvm(TestStore store) throws Exception {
        store.openEngineWithBusybox().close();
        var before = processes();
        int port;
        try (var victim = ChildJvm.start(Victim.class, store.path().toString())) {
            port = Integer.parseInt(victim.readLine());
            EchoServer.assertEchoes(LOOPBACK, port);
            assertThat(processes())
                    .as("which shows that it would be seen")
                    .anyMatch(process -> !before.contains(process));

            victim.kill();
        }
        Eventually.passes(() -> {
            var left = processes();
            left.removeAll(before);
            assertThat(left).isEmpty();
        });
        try (var again = new ServerSocket()) {
            again.setReuseAddress(true);
            again.bind(new InetSocketAddress(LOOPBACK, port));
            assertThat(again.isBound()).isTrue();
        }
    }

    /** This user's and those of the user's subordinate numbers. */
    private static List<String> processes() throws IOException {
        var own = Files.readString(Path.of("/proc/self/status"));
        var first = uid(own);
        var subordinate =
                Long.parseLong(Files.readString(Path.of("/etc/subuid")).strip().split(":")[1]);
        var found = new ArrayList<String>();
        try (var all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : all) {
                try {
                    var status = Files.readString(process.resolve("status"));
                    var uid = uid(status);
                    if (uid == first || uid >= subordinate && uid < subordinate + 65536) {
                        found.add(process.getFileName() + " "
                                + status.lines().findFirst().orElse(""));
                    }
                } catch (IOException e) {
                    // it has ended meanwhile
                }
            }
        }
        return found;
    }

    private static long uid(String status) {
        return status.lines()
                .filter(line -> line.startsWith("Uid:"))
                .mapToLong(line -> Long.parseLong(line.split("\\s+")[1]))
                .findFirst()
                .orElseThrow();
    }
}
