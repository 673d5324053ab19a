package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One network of three hosts: a JVM with an engine of its own in each of three network namespaces, which one switch joins. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(180)
class VxlanTest {
    private static final String SWITCH = "testswitch";

    private static NetworkSpec spec(int host) {
        var others = IntStream.of(1, 2, 3)
                .filter(other -> other != host)
                .mapToObj(other -> "198.19.9." + other)
                .toArray(String[]::new);
        return NetworkSpec.of("everywhere")
                .subnet("198.18.40.0/24")
                .gateway("198.18.40." + host)
                .range("198.18.40." + 64 * host + "/26")
                .vxlan(42, "198.19.9." + host, others);
    }

    /** A host's engine: ARGS are the store and the host's number. Runs each line that it reads in a container there. */
    static final class Host {
        public static void main(String[] args) throws Exception {
            var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
                    var net = engine.networks().create(spec(Integer.parseInt(args[1])));
                    var box = engine.containers()
                            .start(ContainerSpec.of("busybox")
                                    .command("sleep", "1000")
                                    .join(net))) {
                System.out.println(box.address(net).getHostAddress());
                for (var line = in.readLine(); line != null; line = in.readLine()) {
                    System.out.println(box.exec("sh", "-c", line).exitCode());
                }
            }
        }
    }

    private record Machine(NetNamespace namespace, ChildJvm jvm, String container) implements AutoCloseable {
        static Machine start(Rtnetlink here, int number, TestStore store) {
            var namespace = NetNamespace.create();
            here.execute(LinkRequest.add("testhost" + number)
                    .kind(new LinkKind.Veth(LinkRequest.add("eth0").namespace(namespace.fd())))
                    .master(here.link(SWITCH).orElseThrow().index())
                    .up()
                    .request());
            try (var there = namespace.call(Rtnetlink::open)) {
                var index = there.link("eth0").orElseThrow().index();
                there.execute(
                        LinkRequest.change(1).up().request(),
                        LinkRequest.change(index).up().request(),
                        new LinkAddress(index, Subnet.parseAddress("198.19.9." + number), 24).add());
            }
            var inside = "--net=/proc/" + ProcessHandle.current().pid() + "/fd/"
                    + namespace.fd().number();
            var jvm = ChildJvm.start(
                    List.of("nsenter", inside),
                    List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                    Host.class,
                    store.path().toString(),
                    String.valueOf(number));
            return new Machine(namespace, jvm, jvm.readLine());
        }

        boolean pings(Machine other) {
            jvm.writeLine("ping -c 1 -W 10 " + other.container);
            return jvm.readLine().equals("0");
        }

        @Override
        public void close() {
            jvm.close();
            namespace.close();
        }
    }

    @Test
    void containersOfThreeHostsReachEachOther(TestStore store) {
        store.openEngineWithBusybox().close();
        var machines = new ArrayList<Machine>();
        try (var here = Rtnetlink.open()) {
            here.execute(LinkRequest.add(SWITCH)
                    .kind(new LinkKind.Bridge(false))
                    .up()
                    .request());
            try {
                for (var number = 1; number <= 3; number++) {
                    machines.add(Machine.start(here, number, store));
                }
                assertThat(machines)
                        .extracting(Machine::container)
                        .containsExactly("198.18.40.64", "198.18.40.128", "198.18.40.192");
                for (var one : machines) {
                    for (var other : machines) {
                        assertThat(one.pings(other)).isTrue();
                    }
                }
            } finally {
                machines.forEach(Machine::close);
                here.execute(LinkRequest.delete(SWITCH).request());
            }
        }
    }

    @Test
    void itsFramesAreShorterAndItsNumberIsTakenOnce(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(spec(1))) {
            assertThat(engine.containers()
                            .run(ContainerSpec.of("busybox")
                                    .command("cat", "/sys/class/net/eth0/mtu")
                                    .join(net))
                            .stdout())
                    .isEqualTo("1450\n");
            assertThatThrownBy(() -> engine.networks()
                            .create(NetworkSpec.of("again")
                                    .subnet("198.18.41.0/24")
                                    .vxlan(42, "198.19.9.1", "198.19.9.2")))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage(
                            "cannot make network again: VXLAN 42 is in use on this host [port=4789]; choose another id,"
                                    + " the same on all hosts");
        }
    }
}
