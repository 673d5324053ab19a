package dev.cais.network.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real sockets on loopback on both sides of a relay. */
@LeakChecked
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class RelayTest {
    private static final InetAddress LOOPBACK = Subnet.parseAddress("127.0.0.1");
    private static final int TIMEOUT_MILLIS = 60_000;

    private final EventLoop loop = new EventLoop("cais-test");
    private final Relay relay = new Relay(loop);
    private final ExecutorService others = Executors.newCachedThreadPool();

    @AfterEach
    void end() {
        relay.close();
        loop.close();
        others.shutdownNow();
    }

    /** A client's and a server's ends of one connection through a relay. */
    private record Ends(Socket client, Socket server) implements AutoCloseable {
        @Override
        public void close() throws IOException {
            client.close();
            server.close();
        }
    }

    private static Ends connect(Relay.Served served, ServerSocket server) throws IOException {
        return connect(LOOPBACK, served, server);
    }

    private static Ends connect(InetAddress address, Relay.Served served, ServerSocket server) throws IOException {
        server.setSoTimeout(TIMEOUT_MILLIS);
        var client = new Socket(address, served.port());
        client.setSoTimeout(TIMEOUT_MILLIS);
        var accepted = server.accept();
        accepted.setSoTimeout(TIMEOUT_MILLIS);
        return new Ends(client, accepted);
    }

    private Relay.Served serve(Protocol protocol, Target target, String... addresses) {
        var places = Arrays.stream(addresses).map(Subnet::parseAddress).toList();
        return relay.serve(ReservedPort.reserve("cannot publish", protocol, places, 0, 0), target);
    }

    private static ServerSocket server() throws IOException {
        return new ServerSocket(0, 500, LOOPBACK);
    }

    private static Target to(ServerSocket server) {
        return Target.at((InetSocketAddress) server.getLocalSocketAddress());
    }

    private static Target nobodyAt(Socket bound) throws IOException {
        bound.bind(new InetSocketAddress(LOOPBACK, 0));
        return Target.at((InetSocketAddress) bound.getLocalSocketAddress());
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1", "::1"})
    void bytesGoBothWaysAtOnceWhole(String address) throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), address);
                var ends = connect(Subnet.parseAddress(address), served, server)) {
            var size = 64 << 20;
            var sent = others.submit(() -> send(ends.client, size, 1));
            var answered = others.submit(() -> send(ends.server, size, 2));
            var received = others.submit(() -> receive(ends.client));
            assertThat(receive(ends.server)).isEqualTo(sent.get());
            assertThat(received.get()).isEqualTo(answered.get());
        }
    }

    /** @return the digest of what was sent, in pieces of all sizes */
    private static String send(Socket socket, int size, long seed) throws Exception {
        var random = new Random(seed);
        var digest = MessageDigest.getInstance("SHA-256");
        var out = new DigestOutputStream(socket.getOutputStream(), digest);
        for (var left = size; left > 0; ) {
            var piece = new byte[Math.min(left, 1 + random.nextInt(random.nextBoolean() ? 100 : 200_000))];
            random.nextBytes(piece);
            out.write(piece);
            left -= piece.length;
        }
        socket.shutdownOutput();
        return Arrays.toString(digest.digest());
    }

    private static String receive(Socket socket) throws Exception {
        var digest = MessageDigest.getInstance("SHA-256");
        new DigestInputStream(socket.getInputStream(), digest).transferTo(OutputStream.nullOutputStream());
        return Arrays.toString(digest.digest());
    }

    @Test
    void endOfOneSideLeavesTheOtherOpen() throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), "127.0.0.1");
                var ends = connect(served, server)) {
            ends.client.getOutputStream().write("all I say".getBytes(StandardCharsets.UTF_8));
            ends.client.shutdownOutput();
            assertThat(ends.server.getInputStream().readAllBytes()).asString().isEqualTo("all I say");
            ends.server.getOutputStream().write("heard".getBytes(StandardCharsets.UTF_8));
            ends.server.close();
            assertThat(ends.client.getInputStream().readAllBytes()).asString().isEqualTo("heard");
            awaitClients(served, 0);
        }
    }

    @Test
    void resetIsPassedOnInBothDirections() throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), "127.0.0.1")) {
            try (var ends = connect(served, server)) {
                ends.server.setSoLinger(true, 0);
                ends.server.close();
                assertReset(ends.client);
            }
            try (var ends = connect(served, server)) {
                ends.client.setSoLinger(true, 0);
                ends.client.close();
                assertReset(ends.server);
            }
            awaitClients(served, 0);
        }
    }

    private static void assertReset(Socket socket) {
        assertThatThrownBy(() -> socket.getInputStream().read())
                .isInstanceOf(SocketException.class)
                .hasMessage("Connection reset");
    }

    @Test
    void senderWaitsForASlowReceiverAndNothingIsLost() throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), "127.0.0.1");
                var ends = connect(served, server);
                var other = connect(served, server)) {
            var sent = others.submit(() -> send(ends.client, 64 << 20, 3));
            // what is stuck does not keep other connections waiting
            for (var i = 0; i < 100; i++) {
                other.client.getOutputStream().write(i);
                assertThat(other.server.getInputStream().read()).isEqualTo(i);
            }
            assertThat(sent.isDone())
                    .as("64 MiB do not fit into sockets and pipes")
                    .isFalse();
            assertThat(receive(ends.server)).isEqualTo(sent.get());
        }
    }

    @Test
    void clientIsTurnedAwayWhereNobodyListens() throws Exception {
        try (var bound = new Socket(); // its port is nobody else's, and it does not listen
                var served = serve(Protocol.TCP, nobodyAt(bound), "127.0.0.1");
                var client = new Socket(LOOPBACK, served.port())) {
            client.setSoTimeout(TIMEOUT_MILLIS);
            assertReset(client);
        }
    }

    @Test
    void idleConnectionsCostTwoDescriptorsEach() throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), "127.0.0.1")) {
            List<Ends> all = new ArrayList<>();
            try {
                for (var i = 0; i < 400; i++) {
                    var ends = connect(served, server);
                    all.add(ends);
                    ends.client.getOutputStream().write(7);
                    assertThat(ends.server.getInputStream().read()).isEqualTo(7);
                }
                assertThat(served).hasToString("Served[" + served.port() + "/tcp, 400 clients]");
                assertThat(pipes()).isLessThan(60);
            } finally {
                for (var ends : all) {
                    ends.close();
                }
            }
            awaitClients(served, 0);
        }
    }

    private static long pipes() throws IOException {
        try (var list = Files.list(Path.of("/proc/self/fd"))) {
            return list.filter(fd -> {
                        try {
                            return Files.readSymbolicLink(fd).toString().startsWith("pipe:");
                        } catch (IOException e) {
                            return false; // that of the listing itself
                        }
                    })
                    .count();
        }
    }

    @Test
    void socketOfTheTargetMayComeLaterOrNotAtAll() throws Exception {
        var asked = new SynchronousQueue<CompletableFuture<Fd>>();
        Target later = protocol -> {
            var coming = new CompletableFuture<Fd>();
            others.execute(() -> {
                try {
                    asked.put(coming);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            return coming;
        };
        try (var server = server();
                var served = serve(Protocol.TCP, later, "127.0.0.1")) {
            try (var client = new Socket(LOOPBACK, served.port())) {
                client.getOutputStream().write(1);
                asked.take()
                        .complete(to(server)
                                .open(Protocol.TCP)
                                .toCompletableFuture()
                                .join());
                try (var accepted = server.accept()) {
                    assertThat(accepted.getInputStream().read()).isEqualTo(1);
                }
            }
            try (var client = new Socket(LOOPBACK, served.port())) {
                client.setSoTimeout(TIMEOUT_MILLIS);
                asked.take().completeExceptionally(new IllegalStateException("the container is gone"));
                assertReset(client);
            }
            try (var client = new Socket(LOOPBACK, served.port())) {
                var coming = asked.take();
                var socket = to(server).open(Protocol.TCP).toCompletableFuture().join();
                served.close();
                coming.complete(socket);
                client.setSoTimeout(TIMEOUT_MILLIS);
                assertReset(client);
                loop.perform(() -> assertThat(socket.isOpen()).isFalse());
            }
        }
    }

    @Test
    void portOfSctpIsNotServed() {
        ReservedPort reserved;
        try {
            reserved = ReservedPort.reserve("cannot publish", Protocol.SCTP, List.of(LOOPBACK), 20_300, 20_300);
        } catch (UnsupportedHostException e) {
            assertThat(e).hasMessage("cannot publish: this kernel has no SCTP; load its module: modprobe sctp");
            return;
        }
        assertThatThrownBy(() -> relay.serve(reserved, protocol -> new CompletableFuture<>()))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage("cannot publish 20300/sctp: a relay carries tcp and udp only;"
                        + " it needs nf_tables: load its module, or run on a kernel that has it");
    }

    @Test
    void closedPortIsFreeAtOnceAndItsConnectionsAreReset() throws Exception {
        try (var server = server();
                var served = serve(Protocol.TCP, to(server), "127.0.0.1", "::1");
                var ends = connect(served, server)) {
            served.close();
            served.close();
            assertReset(ends.client);
            assertReset(ends.server);
            ReservedPort.reserve("cannot publish", Protocol.TCP, List.of(LOOPBACK), served.port(), served.port())
                    .close();
        }
    }

    @Test
    void eachClientOfUdpHasItsOwnAnswersFromTheAddressItAsked() throws Exception {
        try (var server = echo();
                var served = serve(Protocol.UDP, to(server), "0.0.0.0", "::")) {
            List<DatagramSocket> clients = new ArrayList<>();
            for (var address : List.of("127.0.0.1", "127.0.0.1", "127.0.0.2", "::1")) {
                var client = new DatagramSocket();
                client.setSoTimeout(TIMEOUT_MILLIS);
                client.connect(Subnet.parseAddress(address), served.port()); // takes answers from there only
                clients.add(client);
            }
            for (var size : List.of(1, 1400)) {
                for (var client : clients) {
                    client.send(new DatagramPacket(content(client, size), size));
                }
                for (var client : clients) {
                    assertThat(receive(client)).isEqualTo(content(client, size));
                }
            }
            for (var client : clients) { // one by one: sockets have no room for more
                client.send(new DatagramPacket(content(client, 60_000), 60_000));
                assertThat(receive(client)).isEqualTo(content(client, 60_000));
            }
            awaitClients(served, 4);
            clients.forEach(DatagramSocket::close);
        }
    }

    private static byte[] content(DatagramSocket client, int size) {
        var content = new byte[size];
        Arrays.fill(content, (byte) client.getLocalPort());
        return content;
    }

    private static byte[] receive(DatagramSocket socket) throws IOException {
        var packet = new DatagramPacket(new byte[65_535], 65_535);
        socket.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    @Test
    void silentClientOfUdpIsForgottenAndWelcomeAgain() throws Exception {
        var hasty = new Relay(loop, Duration.ofMillis(50));
        try (var server = echo();
                var served = hasty.serve(
                        ReservedPort.reserve("cannot publish", Protocol.UDP, List.of(LOOPBACK), 0, 0), to(server));
                var client = new DatagramSocket(0, LOOPBACK)) {
            client.setSoTimeout(500);
            client.connect(LOOPBACK, served.port());
            for (var i = 0; i < 2; i++) {
                var number = (byte) i;
                Eventually.passes(() -> assertThat(isAnswered(client, number)).isTrue());
                awaitClients(served, 0);
            }
        }
        hasty.close();
    }

    /** Not if the client was forgotten before the answer to it came. */
    private static boolean isAnswered(DatagramSocket client, byte number) throws IOException {
        client.send(new DatagramPacket(new byte[] {number}, 1));
        try {
            byte[] answer;
            do { // that to an earlier one may be late
                answer = receive(client);
            } while (answer[0] != number);
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    @Test
    void serverOfUdpMayComeLate() throws Exception {
        // below the kernel's random ports, of which others may get any
        var address = new InetSocketAddress(LOOPBACK, 20_400);
        try (var served = serve(Protocol.UDP, Target.at(address), "127.0.0.1");
                var client = new DatagramSocket(0, LOOPBACK)) {
            client.setSoTimeout(TIMEOUT_MILLIS);
            client.connect(LOOPBACK, served.port());
            client.send(new DatagramPacket(new byte[] {1}, 1));
            client.send(new DatagramPacket(new byte[] {2}, 1));
            awaitClients(served, 1);
            try (var server = new DatagramSocket(address)) {
                server.setSoTimeout(TIMEOUT_MILLIS);
                client.send(new DatagramPacket(new byte[] {3}, 1));
                byte[] received;
                do { // the second may have been on its way
                    received = receive(server);
                } while (received[0] == 2);
                assertThat(received).containsExactly(3);
            }
        }
    }

    private void awaitClients(Relay.Served served, int count) {
        var expected = ", " + count + " clients]";
        var shown = new String[1];
        Eventually.passes(() -> {
            loop.perform(() -> shown[0] = served.toString());
            assertThat(shown[0]).endsWith(expected);
        });
    }

    /** Sends back what it gets. */
    private DatagramSocket echo() throws IOException {
        var socket = new DatagramSocket(0, LOOPBACK);
        socket.setReceiveBufferSize(1 << 20);
        Future<?> unused = others.submit(() -> {
            var packet = new DatagramPacket(new byte[65_535], 65_535);
            while (true) {
                packet.setLength(65_535);
                socket.receive(packet);
                socket.send(packet);
            }
        });
        return socket;
    }

    private static Target to(DatagramSocket server) {
        return Target.at((InetSocketAddress) server.getLocalSocketAddress());
    }
}
