package dev.cais.network.relay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.InvalidSpecException;
import dev.cais.Protocol;
import dev.cais.Subnet;
import dev.cais.fixtures.LeakChecked;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@LeakChecked
class ReservedPortTest {
    private static final InetAddress LOOPBACK = Subnet.parseAddress("127.0.0.1");
    private static final InetAddress LOOPBACK_6 = Subnet.parseAddress("::1");

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            names = {"TCP", "UDP"})
    void nobodyElseGetsTheReservedPortUntilItIsClosed(Protocol protocol) throws Exception {
        int port;
        try (var reserved = ReservedPort.reserve("cannot publish", protocol, List.of(LOOPBACK), 0, 0)) {
            port = reserved.number();
            assertThat(reserved).hasToString("ReservedPort[" + port + "/" + protocol.word() + "]");
            assertThatThrownBy(() -> bind(protocol, LOOPBACK, port)).isInstanceOf(BindException.class);
            assertThatThrownBy(() -> ReservedPort.reserve("cannot publish", protocol, List.of(LOOPBACK), port, port))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot publish: 127.0.0.1:" + port + "/" + protocol.word()
                                    + " is in use on this host; choose another port of the host, or leave it out for one that is free");
        }
        bind(protocol, LOOPBACK, port);
    }

    /** As most servers do, in Java with SO_REUSEADDR. */
    private static void bind(Protocol protocol, InetAddress address, int port) throws Exception {
        try (var socket =
                protocol == Protocol.TCP ? new ServerSocket(port, 1, address) : new DatagramSocket(port, address)) {
            assertThat(socket).isNotNull();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Protocol.class,
            names = {"TCP", "UDP"})
    void randomPortIsTheSameOnAllAddresses(Protocol protocol) throws Exception {
        try (var reserved = ReservedPort.reserve("cannot publish", protocol, List.of(LOOPBACK, LOOPBACK_6), 0, 0)) {
            for (var address : List.of(LOOPBACK, LOOPBACK_6)) {
                assertThatThrownBy(() -> bind(protocol, address, reserved.number()))
                        .isInstanceOf(BindException.class);
            }
            bind(protocol, Subnet.parseAddress("127.0.0.2"), reserved.number());
        }
    }

    @Test
    void portTakenOnOneOfTheAddressesIsNamedWithIt() throws Exception {
        try (var taken = new ServerSocket(0, 1, LOOPBACK_6)) {
            var port = taken.getLocalPort();
            assertThatThrownBy(() -> ReservedPort.reserve(
                            "cannot publish", Protocol.TCP, List.of(LOOPBACK, LOOPBACK_6), port, port))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot publish: [0:0:0:0:0:0:0:1]:" + port
                                    + "/tcp is in use on this host; choose another port of the host, or leave it out for one that is free");
            bind(Protocol.TCP, LOOPBACK, port);
        }
    }

    @Test
    void allOfOneFamilyLeaveTheOtherAlone() throws Exception {
        var all = List.of(Subnet.parseAddress("0.0.0.0"), Subnet.parseAddress("::"));
        try (var reserved = ReservedPort.reserve("cannot publish", Protocol.TCP, all.subList(1, 2), 0, 0)) {
            bind(Protocol.TCP, LOOPBACK, reserved.number());
        }
        try (var reserved = ReservedPort.reserve("cannot publish", Protocol.TCP, all, 0, 0)) {
            assertThatThrownBy(() -> bind(Protocol.TCP, LOOPBACK, reserved.number()))
                    .isInstanceOf(BindException.class);
        }
    }

    @Test
    void firstFreePortOfARangeIsTaken() throws Exception {
        // below the kernel's random ports, so that only this test's own sockets are there
        var first = 20_100;
        try (var taken = new ServerSocket(first, 1, LOOPBACK);
                var reserved =
                        ReservedPort.reserve("cannot publish", Protocol.TCP, List.of(LOOPBACK), first, first + 1)) {
            assertThat(taken.getLocalPort()).isEqualTo(first);
            assertThat(reserved.number()).isEqualTo(first + 1);
            assertThatThrownBy(() ->
                            ReservedPort.reserve("cannot publish", Protocol.TCP, List.of(LOOPBACK), first, first + 1))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot publish: all of 20100-20101/tcp of 127.0.0.1 are in use on this host;"
                            + " choose other ports of the host, or leave them out for one that is free");
        }
    }

    @Test
    void addressThatTheHostLacksIsRefused() {
        assertThatThrownBy(() -> ReservedPort.reserve(
                        "cannot publish", Protocol.TCP, List.of(Subnet.parseAddress("203.0.113.9")), 8080, 8080))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish: this host has no address 203.0.113.9 to publish on;"
                        + " choose one of the host's, or 0.0.0.0 for all");
    }

    @Test
    void manyAtOnceGetDifferentPorts() throws Exception {
        Set<Integer> numbers = ConcurrentHashMap.newKeySet();
        var pool = Executors.newFixedThreadPool(16);
        try {
            var reserving = new ArrayList<Future<ReservedPort>>();
            for (var i = 0; i < 64; i++) {
                reserving.add(pool.submit(() -> ReservedPort.reserve(
                        "cannot publish", Protocol.TCP, List.of(LOOPBACK, LOOPBACK_6), 20_200, 20_299)));
            }
            var reserved = new ArrayList<ReservedPort>();
            for (var one : reserving) {
                reserved.add(one.get());
            }
            reserved.forEach(one -> numbers.add(one.number()));
            reserved.forEach(ReservedPort::close);
        } finally {
            pool.shutdown();
        }
        assertThat(numbers).hasSize(64);
    }
}
