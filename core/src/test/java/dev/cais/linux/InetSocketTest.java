package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InetSocketTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void acceptsWhatTheJdkConnects(String loopback) throws IOException {
        var address = loopback(loopback);
        try (var listener = InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP)) {
            assertThat(listener.bind(new InetSocketAddress(address, 0))).isZero();
            assertThat(listener.listen(8)).isZero();
            assertThat(listener.accept()).matches(Errno.EAGAIN::is);
            try (var client = new Socket(address, listener.localAddress().getPort())) {
                assertThat(Poll.readable(listener.fd(), LONG, "cannot accept")).isTrue();
                try (var accepted = InetSocket.of(Fd.of(listener.accept()))) {
                    assertThat(accepted.localAddress()).isEqualTo(client.getRemoteSocketAddress());
                    accepted.shutdownOutput();
                    assertThat(client.getInputStream().read()).isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void resetIsSeenByTheOtherSide() throws IOException {
        var address = loopback("127.0.0.1");
        try (var listener = InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP)) {
            listener.bind(new InetSocketAddress(address, 0));
            listener.listen(8);
            try (var client = new Socket(address, listener.localAddress().getPort())) {
                Poll.readable(listener.fd(), LONG, "cannot accept");
                InetSocket.of(Fd.of(listener.accept())).resetOnClose().close();
                assertThat(catchThrowable(() -> client.getInputStream().read()))
                        .isInstanceOf(SocketException.class)
                        .hasMessage("Connection reset");
            }
        }
    }

    @Test
    void takenPortIsAnErrorNumber() {
        var address = loopback("127.0.0.1");
        try (var first = InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP);
                var second = InetSocket.open(address, Abi.SOCK_STREAM, Abi.IPPROTO_TCP)) {
            first.bind(new InetSocketAddress(address, 0));
            assertThat(second.bind(first.localAddress())).matches(Errno.EADDRINUSE::is);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void datagramIsAnsweredFromTheAddressItWasSentTo(String loopback) {
        var address = loopback(loopback);
        var long6 = loopback.contains(":");
        var any = new InetSocketAddress(literal(long6 ? "::" : "0.0.0.0"), 0);
        var datagram = new Datagram();
        try (var server = InetSocket.open(address, Abi.SOCK_DGRAM, Abi.IPPROTO_UDP);
                var client = InetSocket.open(address, Abi.SOCK_DGRAM, Abi.IPPROTO_UDP)) {
            if (long6) {
                server.option(Abi.IPPROTO_IPV6, Abi.IPV6_V6ONLY, 1).option(Abi.IPPROTO_IPV6, Abi.IPV6_RECVPKTINFO, 1);
            } else {
                server.option(Abi.IPPROTO_IP, Abi.IP_PKTINFO, 1);
            }
            assertThat(server.bind(any)).isZero();
            // any address of 127.0.0.0/8 is loopback's: the answer must come from this one for the client to see it
            var sentTo = long6 ? address : literal("127.3.2.1");
            assertThat(client.connect(
                            new InetSocketAddress(sentTo, server.localAddress().getPort())))
                    .isZero();
            assertThat(datagram.receive(server.fd())).matches(Errno.EAGAIN::is);
            datagram.content("ping".getBytes(StandardCharsets.US_ASCII)).send(client.fd());

            Poll.readable(server.fd(), LONG, "cannot receive");
            assertThat(datagram.receive(server.fd())).isEqualTo(4);
            assertThat(datagram.content()).asString().isEqualTo("ping");
            assertThat(datagram.sender()).isEqualTo(client.localAddress());
            assertThat(datagram.destination()).isEqualTo(new InetSocketAddress(sentTo, 0));
            datagram.content("pong!".getBytes(StandardCharsets.US_ASCII)).send(server.fd(), datagram.sender(), sentTo);

            Poll.readable(client.fd(), LONG, "cannot receive");
            assertThat(datagram.receive(client.fd())).isEqualTo(5);
            assertThat(datagram.content()).asString().isEqualTo("pong!");
            assertThat(datagram.destination()).isNull();
        }
    }

    private static InetAddress literal(String address) {
        try {
            return InetAddress.getByName(address);
        } catch (IOException e) {
            throw new IllegalArgumentException(e);
        }
    }

    private static InetAddress loopback(String literal) {
        var address = literal(literal);
        try {
            assumeTrue(NetworkInterface.getByInetAddress(address) != null, "needs " + literal + " on this host");
        } catch (SocketException e) {
            throw new IllegalStateException(e);
        }
        return address;
    }
}
