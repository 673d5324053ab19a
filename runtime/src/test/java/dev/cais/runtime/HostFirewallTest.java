package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.ControlFile;
import dev.cais.network.HostSettings;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Networks on a host that lets nothing in and passes nothing on by itself, as beside Docker and ufw. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@RequiresProgram({"iptables-nft", "nft"})
@LeakChecked
@Timeout(120)
class HostFirewallTest {
    private static final ContainerSpec IDLE = ContainerSpec.of("busybox").command("sleep", "1000");

    private static String output(Container container, String script) {
        var result = container.exec("sh", "-c", script);
        return result.stdout() + result.stderr();
    }

    private static List<String> obstacles(Engine engine) {
        return engine.info().notes().stream()
                .filter(note -> note.startsWith("the firewall's chain "))
                .toList();
    }

    @Test
    void namesAreAnsweredAndTheNotesSayWhatElseToAllow(TestStore store) throws Exception {
        InetAddress all = Subnet.parseAddress("0.0.0.0");
        try (var engine = store.openEngineWithBusybox();
                var udp = new DatagramSocket(53, all); // a resolver of the host's
                var tcp = new ServerSocket(53, 1, all);
                var net = engine.networks().create(NetworkSpec.of("guarded").subnet("198.18.77.0/24"));
                var web = engine.containers().start(IDLE.name("web").join(net));
                var box = engine.containers().start(IDLE.join(net))) {
            assertThat(udp.isBound() && tcp.isBound()).isTrue();
            assertThat(obstacles(engine)).isEmpty();
            Programs.output("sh", "-c", "iptables-nft -P INPUT DROP; iptables-nft -P FORWARD DROP");
            try {
                assertThat(output(box, "nslookup -type=a web.")).contains("Address: 198.18.77.2");
                assertThat(output(box, "ping -c 1 -W 1 host.internal")).contains("100% packet loss");
                assertThat(obstacles(engine))
                        .containsExactly(
                                "the firewall's chain ip filter FORWARD drops what it does not know, so networks may have"
                                        + " no way to the outside, and others none to published ports"
                                        + (HostSettings.filtersBridgedFrames() ? ", nor containers to each other" : "")
                                        + "; allow it: iptables -I FORWARD -i cais+ -j ACCEPT; iptables -I FORWARD -o"
                                        + " cais+ -j ACCEPT",
                                "the firewall's chain ip filter INPUT drops what it does not know, so containers may not"
                                        + " reach this host itself (host.internal); allow it: iptables -I INPUT -i cais+"
                                        + " -j ACCEPT");

                for (var note : obstacles(engine)) {
                    var commands = note.substring(note.indexOf("allow it: ") + "allow it: ".length());
                    Programs.output("sh", "-c", commands.replace("iptables -", "iptables-nft -"));
                }

                assertThat(output(box, "ping -c 1 -W 30 host.internal")).contains(" 0% packet loss");
                assertThat(output(box, "ping -c 1 -W 30 " + web.name())).contains(" 0% packet loss");
            } finally {
                Programs.output(
                        "sh",
                        "-c",
                        "iptables-nft -P INPUT ACCEPT; iptables-nft -P FORWARD ACCEPT; nft delete table ip filter");
            }
        }
    }

    @Test
    void theHostPassesPacketsOnFromWhenANetworkAsksForTheOutside(TestStore store) {
        var forwarding = Path.of("/proc/sys/net/ipv4/ip_forward");
        ControlFile.write(forwarding, "0");
        var note = "set /proc/sys/net/ipv4/ip_forward to 1, for networks with a way to the outside";
        try (var engine = store.openEngineWithBusybox();
                var inner = engine.networks().create(NetworkSpec.of("inner").asInternal());
                var box = engine.containers().start(IDLE.join(inner))) {
            assertThat(output(box, "ping -c 1 -W 30 host.internal")).contains(" 0% packet loss");
            assertThat(ControlFile.read(forwarding)).isEqualTo("0\n");
            assertThat(engine.info().notes()).doesNotContain(note);

            engine.networks().create("outer").close();

            assertThat(ControlFile.read(forwarding)).isEqualTo("1\n");
            assertThat(engine.info().notes()).containsOnlyOnce(note);
        }
        assertThat(ControlFile.read(forwarding))
                .as("others may rely on it by now")
                .isEqualTo("1\n");
    }
}
