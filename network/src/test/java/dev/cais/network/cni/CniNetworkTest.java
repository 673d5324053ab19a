package dev.cais.network.cni;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.TimedOutException;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** With the plugins of Debian's containernetworking-plugins, and with some of the test's that misbehave. */
@RequiresRoot
@RequiresFeature(Feature.OWN_NETWORK)
@LeakChecked
@Timeout(300)
class CniNetworkTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final int HOST_PORT = 18080;

    @TempDir
    Path directory;

    private CniNetwork network(String plugins, Duration limit) throws IOException {
        var file = Files.writeString(
                directory.resolve("test.conflist"),
                "{\"cniVersion\": \"0.4.0\", \"name\": \"testnet\", \"plugins\": [" + plugins + "]}");
        return new CniNetwork(
                CniConfiguration.read(file),
                List.of(directory, Path.of("/opt/cni/bin"), Path.of("/usr/lib/cni")),
                limit);
    }

    private String ipam() {
        return """
                "ipam": {"type": "host-local", "dataDir": "%s", "ranges": [[{"subnet": "198.18.40.0/24"}]],
                         "routes": [{"dst": "0.0.0.0/0"}]}""".formatted(directory.resolve("leases"));
    }

    private static CniEndpoint endpoint(NetNamespace inside, CniEndpoint.Port... ports) {
        var path =
                "/proc/" + ProcessHandle.current().pid() + "/fd/" + inside.fd().number();
        return new CniEndpoint("c0ffee", Path.of(path), "eth0", List.of(ports));
    }

    private static String ask(InetSocketAddress address) throws IOException {
        try (var socket = new Socket()) {
            socket.connect(address, 60_000);
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    /** Answers one connection with a word. */
    private static Thread serve(ServerSocket server) {
        var thread = new Thread(() -> {
            try (var one = server.accept()) {
                one.getOutputStream().write("hello".getBytes(UTF_8));
            } catch (IOException e) {
                // the test tells
            }
        });
        thread.start();
        return thread;
    }

    @Test
    @RequiresProgram("iptables")
    void bridgeHostLocalAndPortmapConnectAContainer() throws Exception {
        var network = network("""
                        {"type": "bridge", "bridge": "cnitest0", "isGateway": true, %s},
                        {"type": "portmap", "capabilities": {"portMappings": true}}""".formatted(ipam()), LONG);
        try (var inside = NetNamespace.create()) {
            var endpoint = endpoint(inside, new CniEndpoint.Port("198.18.40.1", HOST_PORT, 80, "tcp"));
            var made = network.add(endpoint);

            assertThat(made.addresses())
                    .containsExactly(new CniResult.Address(
                            InetAddress.getByName("198.18.40.2"),
                            24,
                            Optional.of(InetAddress.getByName("198.18.40.1"))));
            assertThat(made.interfaces()).extracting(CniResult.Interface::name).contains("cnitest0", "eth0");
            assertThat(made.interfaces())
                    .filteredOn(CniResult.Interface::inContainer)
                    .extracting(CniResult.Interface::name)
                    .containsExactly("eth0");
            try (var server = inside.call(() -> new ServerSocket(80))) {
                for (var place :
                        Map.of("198.18.40.2", 80, "198.18.40.1", HOST_PORT).entrySet()) {
                    var answering = serve(server);
                    assertThat(ask(new InetSocketAddress(place.getKey(), place.getValue())))
                            .isEqualTo("hello");
                    answering.join();
                }
            }

            network.delete(endpoint, Optional.of(made));
            network.delete(endpoint, Optional.empty());
            assertThat(directory.resolve("leases/testnet/198.18.40.2")).doesNotExist();
            assertThat(inside.call(() -> Programs.output("ip", "-o", "link"))).doesNotContain("eth0");
        } finally {
            Programs.run("ip", "link", "delete", "cnitest0"); // which the plugin keeps
            Programs.run("nft", "flush", "ruleset"); // of IPv4 and IPv6
        }
    }

    @Test
    @RequiresProgram("ip")
    void ptpConnectsAContainer() throws Exception {
        var network = network("{\"type\": \"ptp\", " + ipam() + "}", LONG);
        try (var inside = NetNamespace.create()) {
            var endpoint = endpoint(inside);
            var made = network.add(endpoint);
            network.check(endpoint, made); // which Debian 12's portmap always fails
            var address = made.addresses().get(0).address();
            try (var server = inside.call(() -> new ServerSocket(80))) {
                var answering = serve(server);
                assertThat(ask(new InetSocketAddress(address, 80))).isEqualTo("hello");
                answering.join();
            }
            inside.call(() -> Programs.output("ip", "address", "flush", "dev", "eth0"));
            assertThatThrownBy(() -> network.check(endpoint, made))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessageStartingWith("cannot find container c0ffee connected to network testnet: CHECK of plugin"
                            + " ptp failed: ");
            network.delete(endpoint, Optional.of(made));
        }
    }

    private void plugin(String name, String script) throws IOException {
        var file = Files.writeString(directory.resolve(name), "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void aPluginThatFailsHasAllOfThemUndone() throws IOException {
        var log = directory.resolve("log");
        plugin("first", "echo first $CNI_COMMAND $CNI_IFNAME >>" + log + "; echo '{\"cniVersion\":\"0.4.0\"}'");
        plugin(
                "second",
                "cat >" + log + ".stdin; echo second $CNI_COMMAND >>" + log
                        + "; [ $CNI_COMMAND = DEL ] || { echo '{\"code\":7,\"msg\":\"no room\",\"details\":\"at all\"}'; exit 1; }");
        var network = network("{\"type\":\"first\"},{\"type\":\"second\",\"more\":[1]}", LONG);
        try (var inside = NetNamespace.create()) {
            assertThatThrownBy(() -> network.add(endpoint(inside)))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessage("cannot connect container c0ffee to network testnet: ADD of plugin second failed:"
                            + " no room: at all [exit=1]");
        }
        assertThat(log).hasContent("first ADD eth0\nsecond ADD\nsecond DEL\nfirst DEL eth0");
        assertThat(Path.of(log + ".stdin"))
                .hasContent("{\"type\":\"second\",\"more\":[1],\"cniVersion\":\"0.4.0\",\"name\":\"testnet\"}");
    }

    @Test
    void pluginsThatMisbehaveAreOneSentence() throws IOException {
        plugin("noise", "[ $CNI_COMMAND = DEL ] || echo noise");
        plugin("silent", "echo why >&2; exit 3");
        plugin("slow", "[ $CNI_COMMAND = DEL ] || sleep 600");
        try (var inside = NetNamespace.create()) {
            var cannot = "cannot connect container c0ffee to network testnet: ";
            assertThatThrownBy(() -> network("{\"type\":\"noise\"}", LONG).add(endpoint(inside)))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessage(cannot + "ADD of plugin noise answers with what is no JSON");
            assertThatThrownBy(() -> network("{\"type\":\"silent\"}", LONG).add(endpoint(inside)))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessage(cannot + "ADD of plugin silent failed: why [exit=3]");
            assertThatThrownBy(() -> network("{\"type\":\"none\"}", LONG).add(endpoint(inside)))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessage(cannot + "there is no CNI plugin none [directories=[" + directory
                            + ", /opt/cni/bin, /usr/lib/cni]]; install it, as Debian's package"
                            + " containernetworking-plugins does");
            assertThatThrownBy(() -> network("{\"type\":\"slow\"}", Duration.ofSeconds(1))
                            .add(endpoint(inside)))
                    .isExactlyInstanceOf(TimedOutException.class)
                    .hasMessage(cannot + "ADD of plugin slow takes longer than 1 s");
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> network("{\"type\":\"slow\"}", LONG).add(endpoint(inside)))
                    .isExactlyInstanceOf(CancelledException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void aConfigurationThatIsWrongSaysWhere() throws IOException {
        var file = directory.resolve("x.conflist");
        assertThatThrownBy(() -> CniConfiguration.read(file))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage("cannot read the CNI configuration " + file + ": there is no such file");
        var wrong = Map.of(
                "{}", "its name '' does not match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
                "[]", "its name '' does not match [a-zA-Z0-9][a-zA-Z0-9_.-]*",
                "{\"name\":\"a\",\"cniVersion\":\"9\"}",
                        "version '9' of the interface is not spoken here; write one of [0.3.0, 0.3.1, 0.4.0, 1.0.0,"
                                + " 1.1.0]",
                "{\"name\":\"a\",\"plugins\":[{}]}", "a plugin has no type that is a program's name",
                "{\"name\":\"a\",\"plugins\":[{\"type\":\"../sh\"}]}", "a plugin has no type that is a program's name",
                "{\"name\":\"a\",\"type\":\"bridge\"}",
                        "it has 0 plugins, and needs 1 to 64; put the plugin into a list: {\"plugins\": [{…}]}");
        for (var each : wrong.entrySet()) {
            Files.writeString(file, each.getKey());
            assertThatThrownBy(() -> CniConfiguration.read(file))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot read the CNI configuration " + file + ": " + each.getValue());
        }
        Files.writeString(file, "{");
        assertThatThrownBy(() -> CniConfiguration.read(file))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot read the CNI configuration " + file + ": it is no JSON: ");
    }
}
