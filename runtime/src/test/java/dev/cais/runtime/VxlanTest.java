package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.VxlanSecret;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
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
import java.time.Duration;
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

    private static final String SECRET = "5ec2e7".repeat(11);
    private static final String IN_THE_CLEAR = "";
    private static final String END = "end";

    private static NetworkSpec spec(int host, String secret) {
        var others = IntStream.of(1, 2, 3)
                .filter(other -> other != host)
                .mapToObj(other -> "198.19.9." + other)
                .toArray(String[]::new);
        var spec = NetworkSpec.of("everywhere")
                .subnet("198.18.40.0/24")
                .gateway("198.18.40." + host)
                .range("198.18.40." + 64 * host + "/26")
                .vxlan(42, "198.19.9." + host, others);
        return secret.equals(IN_THE_CLEAR) ? spec : spec.encrypted(VxlanSecret.parse(secret));
    }

    /** A host's engine: ARGS are the store, the host's number and the secret. Runs each line that it reads in a container there, until END. */
    static final class Host {
        public static void main(String[] args) throws Exception {
            var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
            try (var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
                    var net = engine.networks().create(spec(Integer.parseInt(args[1]), args[2]));
                    var box = engine.containers()
                            .start(ContainerSpec.of("busybox")
                                    .command("sleep", "1000")
                                    .join(net))) {
                System.out.println(box.address(net).getHostAddress());
                for (var line = in.readLine(); line != null && !line.equals(END); line = in.readLine()) {
                    System.out.println(box.exec("sh", "-c", line).exitCode());
                }
            }
        }
    }

    private record Machine(NetNamespace namespace, ChildJvm jvm, String container) implements AutoCloseable {
        static Machine start(Rtnetlink here, int number, TestStore store, String secret) {
            var namespace = NetNamespace.create();
            here.execute(LinkRequest.add("testhost" + number + (secret.equals(IN_THE_CLEAR) ? "clear" : ""))
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
                    String.valueOf(number),
                    secret);
            return new Machine(namespace, jvm, jvm.readLine());
        }

        boolean pings(Machine other) {
            return runs("ping -c 1 -W 10 " + other.container);
        }

        boolean runs(String command) {
            jvm.writeLine(command);
            return jvm.readLine().equals("0");
        }

        /** What the kernel was told to encrypt. */
        String encrypted() {
            return namespace.call(() -> Programs.output("sh", "-c", "ip xfrm policy; ip xfrm state"));
        }

        void awaitNothingEncrypted() {
            var wait = "until [ -z \"$(ip xfrm policy; ip xfrm state)\" ]; do sleep 0.05; done";
            namespace.call(() -> Programs.output("timeout", "30", "sh", "-c", wait));
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
                    machines.add(Machine.start(here, number, store, IN_THE_CLEAR));
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
    @RequiresProgram("nft")
    void ofOneThatCouldNotBeMadeTheFirewallKnowsNothing(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(spec(1, IN_THE_CLEAR))) {
            assertThatThrownBy(() -> engine.networks()
                            .create(NetworkSpec.of("again")
                                    .subnet("198.18.41.0/24")
                                    .vxlan(42, "198.19.9.1", "198.19.9.2")))
                    .isInstanceOf(ConflictException.class);

            var bridges = ((LocalEngine) engine).networks().stack().bridgeName((LocalNetwork) net);
            assertThat(Programs.output("nft", "list", "set", "inet", "cais-" + ((LocalEngine) engine).id(), "bridges"))
                    .contains("elements = { \"" + bridges + "\" }");
        }
    }

    @Test
    void itsFramesAreShorterAndItsNumberIsTakenOnce(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(spec(1, IN_THE_CLEAR))) {
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

    /** How many packets the switch has passed on. */
    private static long passed(String counter) {
        var shown = Programs.output("nft", "list", "counter", "bridge", "wire", counter);
        return Long.parseLong(shown.replaceAll("(?s).*packets ([0-9]+) .*", "$1"));
    }

    @Test
    @RequiresFeature(Feature.ESP)
    @RequiresProgram("ip")
    void encryptedHostsReachEachOtherAndNobodyReadsTheWire(TestStore store) {
        store.openEngineWithBusybox().close();
        var machines = new ArrayList<Machine>();
        try (var here = Rtnetlink.open()) {
            here.execute(LinkRequest.add(SWITCH)
                    .kind(new LinkKind.Bridge(false))
                    .up()
                    .request());
            Programs.output("nft", """
                    add table bridge wire; add counter bridge wire encrypted; add counter bridge wire clear;
                    add counter bridge wire pieces;
                    add chain bridge wire passed { type filter hook forward priority 0; };
                    add rule bridge wire passed ip protocol esp counter name encrypted;
                    add rule bridge wire passed ip protocol udp counter name clear;
                    add rule bridge wire passed ip frag-off & 0x3fff != 0 counter name pieces""");
            try {
                machines.add(Machine.start(here, 1, store, SECRET));
                machines.add(Machine.start(here, 2, store, SECRET));
                machines.add(Machine.start(here, 3, store, "00".repeat(32)));
                var first = machines.get(0);
                var second = machines.get(1);
                var stranger = machines.get(2);
                assertThat(first.pings(second)).isTrue();
                assertThat(second.pings(first)).isTrue();
                assertThat(second.runs(
                                "ping -c 1 -W 10 -s 1385 " + first.container + " && ifconfig eth0 | grep MTU:1413"))
                        .isTrue();
                assertThat(stranger.runs("ping -c 1 -W 2 " + first.container)).isFalse();
                assertThat(passed("encrypted")).isPositive();
                assertThat(passed("clear")).isZero();
                assertThat(passed("pieces")).isZero();
                stranger.close();
                machines.remove(stranger);

                var clear = Machine.start(here, 3, store, IN_THE_CLEAR);
                machines.add(clear);
                assertThat(clear.runs("ping -c 1 -W 2 " + first.container)).isFalse();
                assertThat(passed("clear")).as("it asked who has that address").isPositive();
                assertThat(first.runs("grep -q " + clear.container + " /proc/net/arp"))
                        .as("the question was heard")
                        .isFalse();
                assertThat(first.pings(second)).isTrue();

                assertThat(first.encrypted()).isNotEmpty();
                first.jvm.kill();
                first.awaitNothingEncrypted();
                second.jvm.writeLine(END);
                assertThat(second.jvm.await(Duration.ofSeconds(60))).isZero();
                assertThat(second.encrypted()).isEmpty();
            } finally {
                machines.forEach(Machine::close);
                here.execute(LinkRequest.delete(SWITCH).request());
                Programs.output("nft", "delete table bridge wire");
            }
        }
    }

    @Test
    @RequiresProgram("ip")
    void aKernelThatCannotEncryptIsAskedForNothingElse(TestStore store) {
        assumeFalse(Feature.ESP.isPresent(), "this kernel can");
        try (var engine = store.openEngineWithBusybox()) {
            assertThatThrownBy(() -> engine.networks().create(spec(1, SECRET)))
                    .isInstanceOf(UnsupportedHostException.class)
                    .hasMessageMatching("cannot make network everywhere encrypted: this kernel has no ESP with AES-GCM"
                            + " \\[kernel=[^]]*]; install its modules esp4 and gcm \\(CONFIG_INET_ESP,"
                            + " CONFIG_CRYPTO_GCM\\), or have the network in the clear");
            assertThat(engine.networks().list()).hasSize(1);
            assertThat(Programs.output("ip", "xfrm", "policy")).isEmpty();
            assertThat(engine.networks().create(spec(1, IN_THE_CLEAR)).subnets())
                    .hasSize(1);
        }
    }

    @Test
    void networksOfOnePortAreEncryptedAllTogetherOrNot(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var clear = engine.networks().create(spec(1, IN_THE_CLEAR))) {
            assertThatThrownBy(() -> engine.networks()
                            .create(NetworkSpec.of("again")
                                    .subnet("198.18.41.0/24")
                                    .vxlan(43, "198.19.9.1", "198.19.9.2")
                                    .encrypted(VxlanSecret.parse(SECRET))))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot make network again: network everywhere has port 4789 of 198.19.9.1, and is"
                            + " encrypted for itself or not at all; choose another port, the same on all hosts:"
                            + " vxlanPort(…)");
            assertThat(clear.inspect().spec().toString()).doesNotContain(SECRET);
        }
    }
}
