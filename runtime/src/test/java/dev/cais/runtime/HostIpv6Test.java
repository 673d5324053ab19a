package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.NetworkSpec;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.ControlFile;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Networks on hosts that have switched IPv6 off. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(280)
class HostIpv6Test {
    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");

    @Test
    void aNetworkHasIpv6WhereNewLinksHaveNone(TestStore store) {
        var setting = Path.of("/proc/sys/net/ipv6/conf/default/disable_ipv6");
        var before = ControlFile.read(setting);
        ControlFile.write(setting, "1");
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(NetworkSpec.of("six").subnet("fd00:78::/64"))) {
            var ping = BUSYBOX.command("ping", "-6", "-c", "1", "-W", "30", "host.internal");
            assertThat(engine.containers().run(ping.join(net)).stdout()).contains("(fd00:78::1)", " 0% packet loss");
        } finally {
            ControlFile.write(setting, before.strip());
        }
    }

    /** An engine where the kernel seems to know nothing of IPv6. ARGS are the store. */
    static final class WithoutIpv6 {
        public static void main(String[] arguments) {
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(arguments[0])));
                    var net = engine.networks().create("four");
                    var web = engine.containers()
                            .start(BUSYBOX.name("web").command("sleep", "1000").join(net))) {
                var ping = BUSYBOX.command("ping", "-c", "1", "-W", "30", "web");
                assertThat(engine.containers().run(ping.join(net)).stdout()).contains(" 0% packet loss");
                assertThat(web.endpoints()).hasSize(1);
                assertThatThrownBy(() ->
                                engine.networks().create(NetworkSpec.of("six").withIpv6()))
                        .isInstanceOf(UnsupportedHostException.class)
                        .hasMessage("cannot make network six with IPv6: this kernel has none; have it without, or start"
                                + " the kernel without ipv6.disable=1");
            }
            System.out.println("done");
        }
    }

    @Test
    void aKernelWithoutIpv6HasNetworksOfIpv4(TestStore store) {
        store.openEngineWithBusybox().close();
        var hidden = "ip link set lo up; mount -t tmpfs none /proc/sys/net/ipv6 2>/dev/null; exec \"$@\"";
        try (var jvm = ChildJvm.start(
                List.of("unshare", "--net", "--mount", "sh", "-c", hidden, "sh"),
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                WithoutIpv6.class,
                store.path().toString())) {
            assertThat(jvm.readLines()).containsExactly("done");
            assertThat(jvm.await(Duration.ofSeconds(60))).isZero();
        }
    }
}
