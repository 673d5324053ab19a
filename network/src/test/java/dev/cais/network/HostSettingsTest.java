package dev.cais.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import dev.cais.network.netlink.LinkKind.Bridge;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Each in a namespace of its own. */
@RequiresRoot
@RequiresFeature(Feature.OWN_NETWORK)
@LeakChecked
class HostSettingsTest {
    private static String setting(String path) {
        return ControlFile.read(Path.of("/proc/sys/net", path)).strip();
    }

    private static void inNamespace(Runnable test) {
        try (var namespace = NetNamespace.create()) {
            namespace.<Boolean>call(() -> {
                try (var links = Rtnetlink.open()) {
                    links.execute(LinkRequest.add("wan").kind(new Bridge(false)).request());
                }
                test.run();
                return true;
            });
        }
    }

    @Test
    void packetsArePassedOnAndRoutersStillHeard() {
        inNamespace(() -> {
            ControlFile.write(Path.of("/proc/sys/net/ipv4/ip_forward"), "0");
            ControlFile.write(Path.of("/proc/sys/net/ipv6/conf/wan/accept_ra"), "1");

            assertThat(HostSettings.passOn(true))
                    .containsExactly(
                            "set /proc/sys/net/ipv4/ip_forward to 1, for networks with a way to the outside",
                            "set /proc/sys/net/ipv6/conf/wan/accept_ra to 2, so that this host still learns its routers",
                            "set /proc/sys/net/ipv6/conf/all/forwarding to 1, for networks with a way to the outside");
            assertThat(setting("ipv4/ip_forward")).isEqualTo("1");
            assertThat(setting("ipv6/conf/all/forwarding")).isEqualTo("1");
            assertThat(setting("ipv6/conf/wan/accept_ra")).isEqualTo("2");
            assertThat(HostSettings.passOn(true)).as("the second time").isEmpty();
        });
    }

    @Test
    void ipv6IsLeftAloneWhereNoNetworkHasIt() {
        inNamespace(() -> {
            ControlFile.write(Path.of("/proc/sys/net/ipv4/ip_forward"), "0");
            assertThat(HostSettings.passOn(false)).hasSize(1);
            assertThat(setting("ipv6/conf/all/forwarding")).isEqualTo("0");
        });
    }

    @Test
    void bridgeIsShielded() {
        inNamespace(() -> {
            HostSettings.shield("wan", true);
            assertThat(setting("ipv6/conf/wan/accept_ra")).isEqualTo("0");
            assertThat(setting("ipv6/conf/wan/disable_ipv6")).isEqualTo("0");
            HostSettings.shield("wan", false);
            assertThat(setting("ipv6/conf/wan/disable_ipv6")).isEqualTo("1");
        });
    }
}
