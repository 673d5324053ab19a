package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static dev.cais.runtime.EchoServer.assertEchoes;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Engine;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many published ports, and many who publish at once. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(240)
class ManyPortsTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final InetAddress LOOPBACK = Subnet.parseAddress("127.0.0.1");
    private static final InetAddress LOOPBACK6 = Subnet.parseAddress("::1");

    private Engine engine;

    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    @Test
    void aThousandPortsAreNoBurden() throws Exception {
        var first = 21_000;
        var spec = EchoServer.SPEC.publish(PortMapping.of(80).on("127.0.0.1", "::1"));
        for (var mapping : PortMapping.parse("127.0.0.1:21000-21999:1000-1999")) {
            spec = spec.publish(mapping);
        }
        try (var echo = engine.containers().start(spec)) {
            echo.awaitReady(listening(80), LONG);

            assertThat(echo.ports()).hasSize(1002);
            assertThat(publishedPorts()).isEqualTo(1001);
            assertEchoes(LOOPBACK, echo.hostPort(80));
            assertEchoes(LOOPBACK6, echo.hostPort(80));
            assertThat(echo.hostPort(1999)).isEqualTo(first + 999);
        }
        ((LocalEngine) engine).networks().departures().await();
        for (var port = first; port < first + 1000; port++) {
            new ServerSocket(port, 1, LOOPBACK).close();
        }
    }

    @Test
    void manyWhoPublishAtOnceNeverShareAPort() throws Exception {
        Set<PortBinding> open = ConcurrentHashMap.newKeySet();
        var pool = Executors.newFixedThreadPool(16);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (var i = 0; i < 16; i++) {
                var spec = i % 2 == 0
                        ? EchoServer.SPEC.publish(PortMapping.of(80).on("127.0.0.1", "::1"))
                        : EchoServer.SPEC.publish(PortMapping.of(80).hostRange(22_000, 22_031));
                running.add(pool.submit(() -> {
                    for (var round = 0; round < 4; round++) {
                        try (var echo = engine.containers().start(spec)) {
                            echo.awaitReady(listening(80), LONG);
                            var ports = echo.ports();
                            assertThat(ports)
                                    .allMatch(port -> open.add(
                                            new PortBinding(port.address(), port.host(), 0, port.protocol(), false)));
                            for (var port : ports) {
                                assertEchoes(port.address(), port.host());
                            }
                            ports.forEach(port -> open.remove(
                                    new PortBinding(port.address(), port.host(), 0, port.protocol(), false)));
                        }
                    }
                    return null;
                }));
            }
            for (var each : running) {
                each.get();
            }
        } finally {
            pool.shutdown();
        }
        ((LocalEngine) engine).networks().departures().await();
        assertThat(publishedPorts()).isZero();
    }

    private int publishedPorts() {
        return ((LocalEngine) engine)
                .networks()
                .stack()
                .firewall()
                .orElseThrow()
                .publishedPorts();
    }
}
