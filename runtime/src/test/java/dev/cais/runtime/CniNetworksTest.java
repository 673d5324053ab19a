package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Networks that plugins make, those of Debian's containernetworking-plugins. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@RequiresProgram("iptables")
@LeakChecked
@Timeout(120)
class CniNetworksTest {
    private static final ContainerSpec SERVER = ContainerSpec.of("busybox")
            .command("sh", "-c", "mkdir /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www");

    private static Engine engine;

    @TempDir
    Path directory;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    /** What plugins keep, for IPv4 and IPv6. */
    @AfterEach
    void removeWhatPluginsKeep() {
        Programs.run("ip", "link", "delete", "cnirun0");
        Programs.run("nft", "flush", "ruleset");
    }

    private NetworkSpec network(String name, String plugins) throws IOException {
        var file = directory.resolve(name + ".conflist");
        Files.writeString(
                file, "{\"cniVersion\": \"1.0.0\", \"name\": \"" + name + "\", \"plugins\": [" + plugins + "]}");
        return NetworkSpec.of(name).cni(file);
    }

    private String ipam() {
        return """
            "ipam": {"type": "host-local", "dataDir": "%s", "ranges": [[{"subnet": "198.18.41.0/24"}]],
                     "routes": [{"dst": "0.0.0.0/0"}]}\
            """.formatted(directory);
    }

    private String bridge() {
        return "{\"type\": \"bridge\", \"bridge\": \"cnirun0\", \"isGateway\": true, " + ipam() + "}";
    }

    private static String get(int port) throws IOException {
        try (var socket = new Socket()) {
            socket.connect(new InetSocketAddress(Subnet.parseAddress("127.0.0.1"), port), 60_000);
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes(UTF_8));
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    @Test
    void containersOfABridgePluginFindEachOtherAndPublishPorts() throws Exception {
        var plugins = bridge() + ",{\"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}}";
        try (var net = engine.networks().create(network("cninet", plugins));
                var web = engine.containers()
                        .create(SERVER.name("web").join(net, "www").publish(80))) {
            assertThatThrownBy(() -> web.address(net))
                    .isExactlyInstanceOf(ConflictException.class)
                    .hasMessage("cannot tell the address of container web on network cninet: its plugins give it one"
                            + " when it starts");
            web.start();
            web.awaitReady(listening(80), Duration.ofSeconds(60));
            assertThat(web.address(net).getHostAddress()).isEqualTo("198.18.41.2");
            assertThat(directory.resolve("cninet/198.18.41.2")).exists();
            var client = ContainerSpec.of("busybox").join(net).command("wget", "-qO-", "http://www/");
            assertThat(engine.containers().run(client).stdout()).isEqualTo("hello\n");
            assertThat(get(web.hostPort(80))).endsWith("hello\n");

            net.disconnect(web);
            assertThat(directory.resolve("cninet/198.18.41.2")).doesNotExist();
            assertThat(net.connect(web, EndpointSpec.of("cninet")).addresses()).isEqualTo(List.of(web.address(net)));
        }
        engine.networks().prune();
        try (var left = Files.list(directory.resolve("cninet"))) {
            assertThat(left.map(each -> each.getFileName().toString())).noneMatch(name -> name.startsWith("198.18."));
        }
    }

    @Test
    void pluginsThatFailLeaveNothing() throws IOException {
        try (var net = engine.networks().create(network("badnet", bridge() + ",{\"type\": \"no-such-plugin\"}"))) {
            assertThatThrownBy(
                            () -> engine.containers().start(SERVER.name("web").join(net)))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessageContaining("there is no CNI plugin no-such-plugin");
            assertThat(engine.containers().list()).isEmpty();
            assertThat(net.endpoints()).isEmpty();
        }
        assertThat(directory.resolve("badnet")).doesNotExist();
    }

    @Test
    void whatPluginsDecideIsNotForTheSpec() throws Exception {
        var spec = network("cninet", bridge());
        assertThatThrownBy(() -> spec.subnet("198.18.42.0/24"))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot make network cninet: its plugins decide about subnets, gateways, IPv6, MTU and"
                        + " isolation; say so in " + directory.resolve("cninet.conflist"));
        try (var net = engine.networks().create(spec)) {
            assertThatThrownBy(() -> engine.containers()
                            .create(SERVER.name("web")
                                    .join(EndpointSpec.of("cninet").address("198.18.41.9"))))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage(
                            "cannot create container web with an address or VLAN of its own: the plugins of network "
                                    + net.name() + " choose it");
        }
    }
}
