package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.Network;
import dev.cais.NetworkOptions;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Engines of one JVM and of several share the host's addresses, with others who know nothing of them. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(180)
class SubnetsTest {
    /** Room for eight. */
    private static final NetworkOptions POOL = NetworkOptions.DEFAULT.pools("198.18.64.0/21");

    private static EngineOptions options(Path store) {
        return EngineOptions.defaults().store(store).networks(POOL);
    }

    /** ARGS are the store and how many networks it makes; it says their subnets, and then waits. */
    static final class Claimant {
        public static void main(String[] args) throws Exception {
            try (var engine = Engine.open(options(Path.of(args[0])))) {
                for (var i = 0; i < Integer.parseInt(args[1]); i++) {
                    System.out.println(
                            engine.networks().create("net-" + i).subnets().get(0));
                }
                System.out.println("done");
                var unused = System.in.read();
            }
        }
    }

    private static ChildJvm start(TestStore store, int networks) {
        return ChildJvm.start(
                List.of(),
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                Claimant.class,
                store.path().toString(),
                String.valueOf(networks));
    }

    private static List<String> claims(ChildJvm jvm) {
        var claims = new ArrayList<String>();
        for (var line = jvm.readLine(); !line.equals("done"); line = jvm.readLine()) {
            claims.add(line);
        }
        return claims;
    }

    @Test
    void enginesOfSeveralJvmsShareAPoolAndAKilledOnesPartIsFree(TestStore store) throws Exception {
        try (var engine = Engine.open(options(store.path()));
                var first = start(store, 3);
                var second = start(store, 3)) {
            var mine = List.of(
                    engine.networks().create("mine-1"), engine.networks().create("mine-2"));
            var all = new HashSet<String>();
            all.addAll(claims(first));
            all.addAll(claims(second));
            mine.forEach(net -> all.add(net.subnets().get(0).toString()));
            assertThat(all)
                    .containsExactlyInAnyOrder(
                            "198.18.64.0/24",
                            "198.18.65.0/24",
                            "198.18.66.0/24",
                            "198.18.67.0/24",
                            "198.18.68.0/24",
                            "198.18.69.0/24",
                            "198.18.70.0/24",
                            "198.18.71.0/24");
            assertThatThrownBy(() -> engine.networks().create("late"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessageStartingWith(
                            "cannot make network late: no subnet is left that this host has no route to [")
                    .hasMessageEndingWith("]; name one, or open the engine with other pools (EngineOptions.networks)");

            first.kill();

            for (var i = 0; i < 3; i++) {
                mine = new ArrayList<>(mine);
                mine.add(awaitNetwork(engine, "after-" + i));
            }
            assertThatThrownBy(() -> engine.networks().create("late")).isInstanceOf(ConflictException.class);
            mine.forEach(Network::close);
        }
    }

    /** The will is carried out a moment after the death. */
    private static Network awaitNetwork(Engine engine, String name) throws InterruptedException {
        while (true) {
            try {
                return engine.networks().create(name);
            } catch (ConflictException e) {
                Thread.sleep(20);
            }
        }
    }

    @Test
    void enginesOfOneJvmEachHaveADefaultNetworkAtOnce(TestStore store) throws Exception {
        store.openEngineWithBusybox().close();
        var tasks = new ArrayList<FutureTask<Subnet>>();
        var engines = new ArrayList<Engine>();
        try {
            for (var i = 0; i < 4; i++) {
                engines.add(Engine.open(options(store.path())));
            }
            for (var engine : engines) {
                var task = new FutureTask<>(() -> {
                    var ran = engine.containers()
                            .run(ContainerSpec.of("busybox")
                                    .command("sh", "-c", "ping -c 1 -W 10 host.internal >/dev/null && echo reached"));
                    assertThat(ran.stdout()).isEqualTo("reached\n");
                    return engine.networks().get("bridge").subnets().get(0);
                });
                tasks.add(task);
                new Thread(task, "engine-of-test").start();
            }
            var subnets = new HashSet<Subnet>();
            for (var task : tasks) {
                subnets.add(task.get());
            }
            assertThat(subnets).hasSize(4);
        } finally {
            engines.forEach(Engine::close);
        }
    }

    /** Without engines around it, so that they meet in the moment between two looks. */
    @Test
    void ofThoseWhoNameOneSubnetAtOnceExactlyOneHasIt() throws Exception {
        var spec = NetworkSpec.of("asked").subnet("198.18.64.0/24").subnet("fd00:64::/64");
        var sockets = new ArrayList<Rtnetlink>();
        var bridges = new ArrayList<Integer>();
        try {
            for (var i = 0; i < 4; i++) {
                var socket = Rtnetlink.open();
                sockets.add(socket);
                socket.execute(LinkRequest.add("testclaim" + i)
                        .kind(new LinkKind.Bridge(false))
                        .up()
                        .request());
                bridges.add(socket.link("testclaim" + i).orElseThrow().index());
            }
            for (var ipv6 : new boolean[] {false, true}) {
                for (var round = 0; round < 100; round++) {
                    assertThat(claim(spec, sockets, bridges, ipv6))
                            .as("round " + round)
                            .hasSize(1);
                }
            }
        } finally {
            for (var bridge : bridges) {
                sockets.get(0).execute(LinkRequest.delete(bridge).request());
            }
            sockets.forEach(Rtnetlink::close);
        }
    }

    /** Those who have it are told, and then give it back. */
    private static List<Integer> claim(NetworkSpec spec, List<Rtnetlink> sockets, List<Integer> bridges, boolean ipv6)
            throws Exception {
        var together = new CyclicBarrier(sockets.size());
        var tasks = new ArrayList<FutureTask<Boolean>>();
        for (var i = 0; i < sockets.size(); i++) {
            var subnets = new Subnets(sockets.get(i), List::of, POOL, "0123456789ab");
            int bridge = bridges.get(i);
            var task = new FutureTask<>(() -> {
                together.await();
                try {
                    subnets.claim("cannot claim", spec, bridge, ipv6);
                    return true;
                } catch (ConflictException e) {
                    assertThat(e).hasMessageContaining("is in use on this host [route=");
                    return false;
                }
            });
            tasks.add(task);
            new Thread(task, "claimant-of-test").start();
        }
        var holders = new ArrayList<Integer>();
        for (var i = 0; i < tasks.size(); i++) {
            if (tasks.get(i).get()) {
                holders.add(bridges.get(i));
            }
        }
        var subnet = spec.subnets().get(ipv6 ? 1 : 0);
        for (var holder : holders) {
            sockets.get(0).execute(new LinkAddress(holder, spec.gateway(subnet), subnet.prefix()).delete());
        }
        return holders;
    }

    @Test
    void whatTheHostHasARouteToIsLeftAlone(TestStore store) {
        try (var host = Rtnetlink.open();
                var engine = Engine.open(options(store.path()))) {
            // as of a VPN: all of the pool but its last part
            host.execute(LinkRequest.add("testvpn")
                    .kind(new LinkKind.Bridge(false))
                    .up()
                    .request());
            var vpn = host.link("testvpn").orElseThrow().index();
            try {
                for (var subnet : List.of("198.18.64.0/22", "198.18.68.0/23", "198.18.70.0/24")) {
                    var wide = Subnet.parse(subnet);
                    host.execute(new LinkAddress(vpn, wide.address(1), wide.prefix()).add());
                }
                try (var net = engine.networks().create("beside")) {
                    assertThat(net.subnets()).containsExactly(Subnet.parse("198.18.71.0/24"));
                    assertThatThrownBy(() -> engine.networks().create("late")).isInstanceOf(ConflictException.class);
                    assertThatThrownBy(() -> engine.networks()
                                    .create(NetworkSpec.of("asked").subnet("198.18.64.0/22")))
                            .isInstanceOf(ConflictException.class)
                            .hasMessage("cannot make network asked: subnet 198.18.64.0/22 is in use on this host"
                                    + " [route=198.18.64.0/22 on link " + vpn
                                    + "]; choose another one, or leave the choice to the engine");
                    // a part of what leads to the VPN may be asked for by name
                    engine.networks()
                            .create(NetworkSpec.of("within").subnet("198.18.65.128/25"))
                            .close();
                }
            } finally {
                host.execute(LinkRequest.delete(vpn).request());
            }
        }
    }
}
