package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static dev.cais.runtime.EchoServer.assertEchoes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.Engine;
import dev.cais.KernelException;
import dev.cais.NetworkDriver;
import dev.cais.NetworkFilter;
import dev.cais.NetworkSpec;
import dev.cais.PortBinding;
import dev.cais.PortMapping;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Answering;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Networks of an engine without root, as its containers, its host and another host see them. */
abstract class RootlessNetworksContract {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");
    private static final ContainerSpec IDLE = BUSYBOX.command("sleep", "1000");
    private static final ContainerSpec WEB = BUSYBOX.command("sh", "-c", "echo hi >index.html; exec httpd -f -p 80");

    private Engine engine;

    /** Each its own: it keeps the sockets and the pipes that it has made. */
    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    private static String output(Container container, String script) {
        var result = container.exec("sh", "-c", script);
        return result.stdout() + result.stderr();
    }

    private static InetAddress address(String text) {
        return Subnet.parseAddress(text);
    }

    @Test
    void containersFindEachOtherByNameAndAlias() {
        var spec = NetworkSpec.of("backend").subnet("198.18.1.0/24").subnet("fd00:18:1::/64");
        try (var net = engine.networks().create(spec);
                var web = engine.containers()
                        .start(WEB.name("web")
                                .join(EndpointSpec.of("backend")
                                        .alias("www")
                                        .address("198.18.1.20")
                                        .address("fd00:18:1::20")))) {
            web.awaitReady(listening(80), LONG);
            var client = BUSYBOX.join(net);
            for (var whom : List.of("www", "web", "198.18.1.20", "[fd00:18:1::20]")) {
                assertThat(engine.containers()
                                .run(client.command("wget", "-qO-", "http://" + whom + "/"))
                                .stdout())
                        .as(whom)
                        .isEqualTo("hi\n");
            }
            assertThat(output(web, "tail -n 2 /etc/hosts; ping -c 1 -W 60 -q 198.18.1.1 | grep received"))
                    .endsWith("1 packets received, 0% packet loss\n")
                    .contains("198.18.1.20\t", "fd00:18:1:0:0:0:0:20\t");
        }
    }

    @Test
    void theOutsideIsReachedByTcpAndUdp() {
        var spec = NetworkSpec.of("wide").subnet("198.18.2.0/24").subnet("fd00:18:2::/64");
        try (var net = engine.networks().create(spec);
                var box = engine.containers().start(IDLE.join(net))) {
            assertThat(output(box, "nc " + OutsideHost.THERE + " 80 </dev/null"))
                    .isEqualTo(OutsideHost.HERE + "\n");
            assertThat(output(box, "nc " + OutsideHost.THERE6 + " 80 </dev/null"))
                    .isEqualTo(address(OutsideHost.HERE6).getHostAddress() + "\n");
            assertThat(output(box, "nslookup web.example " + OutsideHost.THERE)).contains("NXDOMAIN");
            assertThat(output(box, "ping -c 1 -W 5 " + OutsideHost.THERE + "; nc 198.18.2.2 9 </dev/null"))
                    .as("what is not carried is refused")
                    .contains("100% packet loss", "refused");
            assertThat(engine.info().notes())
                    .contains("networks stand in a namespace of this engine's own: this process carries TCP and UDP"
                            + " between them and the outside, and nothing else, so a ping to the outside is refused");
        }
    }

    @Test
    void theHostIsReachedButNotItsLoopback() throws Exception {
        try (var server = new ServerSocket(0, 50, address(OutsideHost.HERE));
                var loopback = new ServerSocket(0, 50, address("127.0.0.1"));
                var net = engine.networks().create("near");
                var box = engine.containers().start(IDLE.join(net).extraHost("gate", ContainerSpec.HOST_GATEWAY))) {
            answer(server, "here");
            answer(loopback, "secret");

            for (var name : List.of("gate", "host.internal", OutsideHost.HERE)) {
                assertThat(output(box, "nc " + name + " " + server.getLocalPort() + " </dev/null"))
                        .as(name)
                        .isEqualTo("here");
            }
            assertThat(output(box, "nc gate " + loopback.getLocalPort() + " </dev/null"))
                    .doesNotContain("secret");
            assertThat(output(box, "nc 127.0.0.1 " + loopback.getLocalPort() + " </dev/null"))
                    .doesNotContain("secret");
        }
    }

    private static void answer(ServerSocket server, String text) {
        Answering.connections(
                server, client -> client.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII)));
    }

    @Test
    void networksAreApart() {
        try (var red = engine.networks().create(NetworkSpec.of("red").subnet("198.18.3.0/24"));
                var blue = engine.networks()
                        .create(NetworkSpec.of("blue").subnet("198.18.4.0/24").withoutInterContainer());
                var inner = engine.networks()
                        .create(NetworkSpec.of("inner").subnet("198.18.5.0/24").asInternal());
                var web = engine.containers().start(WEB.join(red));
                var one = engine.containers().start(WEB.join(blue));
                var two = engine.containers().start(IDLE.join(blue));
                var shut = engine.containers().start(IDLE.join(inner))) {
            web.awaitReady(listening(80), LONG);
            one.awaitReady(listening(80), LONG);

            assertThat(output(
                            two,
                            "nc -w 1 " + web.address(red).getHostAddress() + " 80 </dev/null 2>/dev/null; echo $?"))
                    .as("of another network")
                    .endsWith("1\n");
            assertThat(output(
                            two,
                            "nc -w 1 " + one.address(blue).getHostAddress() + " 80 </dev/null 2>/dev/null; echo $?"))
                    .as("without inter-container communication")
                    .endsWith("1\n");
            assertThat(output(shut, "nc -w 1 " + OutsideHost.THERE + " 80 </dev/null 2>/dev/null; echo $?"))
                    .as("internal")
                    .endsWith("1\n");
            assertThat(output(two, "nc " + OutsideHost.THERE + " 80 </dev/null"))
                    .isEqualTo(OutsideHost.HERE + "\n");
            assertThat(engine.networks().drops().isolated()).isPositive();
        }
    }

    @Test
    void publishedPortsAreReachedFromTheHostAndFromContainers() throws Exception {
        var spec = EchoServer.SPEC
                .publish(PortMapping.of(80).on("127.0.0.1", "::1", OutsideHost.HERE))
                .publish(PortMapping.of(80).hostRange(32_000, 32_100));
        try (var echo = engine.containers().start(spec)) {
            echo.awaitReady(listening(80), LONG);
            var port = echo.hostPort(80);

            assertEchoes(address("127.0.0.1"), port);
            assertEchoes(address("::1"), port);
            assertEchoes(address(OutsideHost.HERE), port);
            assertThat(echo.ports()).hasSize(4).allMatch(PortBinding::relayed);
            assertThat(echo.ports().get(3).host()).isBetween(32_000, 32_100);
            assertEchoes(address("127.0.0.1"), echo.ports().get(3).host());
            assertThat(output(echo, "echo ping | nc " + OutsideHost.HERE + " " + port))
                    .isEqualTo("ping\n");
            assertThat(engine.containers()
                            .run(BUSYBOX.network("bridge")
                                    .command("sh", "-c", "echo ping | nc " + OutsideHost.HERE + " " + port))
                            .stdout())
                    .isEqualTo("ping\n");
        }
    }

    @Test
    void aContainerIsConnectedAndDisconnectedWhileItRuns() throws Exception {
        try (var first = engine.networks().create(NetworkSpec.of("first").subnet("198.18.6.0/24"));
                var second = engine.networks().create(NetworkSpec.of("second").subnet("198.18.7.0/24"));
                var echo = engine.containers().start(EchoServer.SPEC.publish(80).join(first))) {
            echo.awaitReady(listening(80), LONG);

            second.connect(echo, EndpointSpec.of("second").address("198.18.7.77"));
            first.disconnect(echo);

            assertThat(output(echo, "ls /sys/class/net")).isEqualTo("eth1\nlo\n");
            assertEchoes(address("127.0.0.1"), echo.hostPort(80));
            assertThat(output(echo, "nc " + OutsideHost.THERE + " 80 </dev/null"))
                    .isEqualTo(OutsideHost.HERE + "\n");
        }
    }

    @Test
    void whatIsThereCanBeSeen() {
        var net = engine.networks().create(NetworkSpec.of("seen").subnet("198.18.8.0/24"));
        try (var box = engine.containers().start(IDLE.join(net))) {
            output(box, "ping -c 1 -W 60 198.18.8.1");
            var seen = net.inspect();

            assertThat(seen.subnets())
                    .singleElement()
                    .satisfies(addresses -> assertThat(addresses.inUse()).isEqualTo(1));
            assertThat(seen.endpoints())
                    .singleElement()
                    .satisfies(endpoint -> assertThat(endpoint.container()).isEqualTo(box.id()));
            assertThat(seen.bridge().orElseThrow().received().bytes()).isPositive();
        }
        assertThat(engine.networks().prune(NetworkFilter.ALL)).contains("seen");
        assertThat(engine.networks().find("seen")).isEmpty();
    }

    @Test
    void whatOnlyRootHasIsRefused() {
        var why = " needs the host's own network, which only root may change; have a bridge, or run the JVM as root";
        var spec = NetworkSpec.of("wire").subnet("198.18.9.0/24");
        refused(spec.macvlan("lo"), "cannot make network wire: one of type macvlan" + why);
        refused(spec.ipvlan("lo", NetworkDriver.IpvlanMode.L2), "cannot make network wire: one of type ipvlan" + why);
        refused(NetworkSpec.of("wire").cni(Path.of("/x.conflist")), "cannot make network wire: one of type cni" + why);
        refused(spec.vxlan(7, OutsideHost.HERE, OutsideHost.THERE), "cannot make network wire: a VXLAN" + why);
    }

    private void refused(NetworkSpec spec, String message) {
        assertThatThrownBy(() -> engine.networks().create(spec))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(message);
    }

    @Test
    void portsThatPlainUsersDoNotHaveAreRefused() {
        assertThatThrownBy(() -> engine.containers().start(IDLE.name("low").publish(80, 80)))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot start container low: 127.0.0.1:80/tcp is refused: bind(2) failed with EACCES"
                        + " (permission denied); ports below net.ipv4.ip_unprivileged_port_start (1024) need root or"
                        + " CAP_NET_BIND_SERVICE");
    }
}
