package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Dns;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.InvalidSpecException;
import dev.cais.NamespaceMode;
import dev.cais.NetworkSpec;
import dev.cais.NotFoundException;
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
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whom containers ask for names, by every kind of network that they can have. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(120)
class ContainerDnsTest {
    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");
    private static final ContainerSpec IDLE = BUSYBOX.command("sleep", "1000");
    private static final Dns CORPORATE =
            Dns.HOST.server("127.0.0.77").search("corp.example").option("ndots:2", "timeout:3");
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
        engine.containers().create(IDLE.network("bridge")).close();
    }

    private static String output(ContainerSpec spec, String script) {
        var result = engine.containers().run(spec.command("sh", "-c", script));
        return result.stdout() + result.stderr();
    }

    /** Says 192.0.2.5 to all who ask for an address of IPv4, and that there is nothing to all others. */
    private static final class Server implements AutoCloseable {
        private static final byte[] RECORD = {(byte) 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, (byte) 192, 0, 2, 5};
        private static final int HEADER = 12;

        private final DatagramSocket socket;

        Server(String address) throws IOException {
            socket = new DatagramSocket(53, InetAddress.getByName(address));
            var thread = new Thread(this::serve, "name-server-of-test");
            thread.setDaemon(true);
            thread.start();
        }

        private void serve() {
            var packet = new DatagramPacket(new byte[512], 512);
            try {
                while (true) {
                    packet.setLength(512);
                    socket.receive(packet);
                    var question = ByteBuffer.wrap(packet.getData(), 0, packet.getLength());
                    var end = HEADER;
                    while (question.get(end) != 0) {
                        end += 1 + question.get(end);
                    }
                    var ipv4 = question.getShort(end + 1) == 1;
                    var answer = ByteBuffer.allocate(512);
                    answer.put(question.slice(0, end + 5)).putShort(2, (short) 0x8180);
                    answer.putShort(6, (short) (ipv4 ? 1 : 0)).putInt(8, 0);
                    if (ipv4) {
                        answer.put(RECORD);
                    }
                    socket.send(new DatagramPacket(answer.array(), answer.position(), packet.getSocketAddress()));
                }
            } catch (IOException e) {
                // closed
            }
        }

        @Override
        public void close() {
            socket.close();
        }
    }

    @Test
    void otherServersAreAskedForTheContainer() throws IOException {
        try (var server = new Server("127.0.0.77");
                var net = engine.networks().create("asking")) {
            var spec = BUSYBOX.dns(CORPORATE).join(net);

            assertThat(output(spec, "cat /etc/resolv.conf"))
                    .isEqualTo("nameserver 127.0.0.11\nsearch corp.example\noptions ndots:2 timeout:3\n");
            assertThat(output(spec, "nslookup -type=a www")).contains("Name:\twww.corp.example", "Address: 192.0.2.5");
            assertThat(output(spec, "nslookup -type=a host.internal."))
                    .contains("Address: " + net.gateways().get(0).getHostAddress());
            assertThat(server.socket.isClosed()).isFalse();
        }
    }

    @Test
    @RequiresFeature(Feature.NETEM)
    void aServerOnALossyWireIsAskedUntilItAnswers() throws Exception {
        try (var machine = NetNamespace.create();
                var here = Rtnetlink.open();
                var there = machine.call(Rtnetlink::open);
                var net = engine.networks().create("lossy")) {
            here.execute(LinkRequest.add("testlossy")
                    .kind(new LinkKind.Veth(LinkRequest.add("eth0").namespace(machine.fd())))
                    .up()
                    .request());
            var far = there.link("eth0").orElseThrow().index();
            here.execute(new LinkAddress(
                            here.link("testlossy").orElseThrow().index(), Subnet.parseAddress("198.18.55.2"), 24)
                    .add());
            there.execute(
                    LinkRequest.change(far).up().request(),
                    new LinkAddress(far, Subnet.parseAddress("198.18.55.1"), 24).add());
            try (var server = machine.call(() -> new Server("198.18.55.1"))) {
                assertThat(new ProcessBuilder(
                                        "tc",
                                        "qdisc",
                                        "add",
                                        "dev",
                                        "testlossy",
                                        "root",
                                        "netem",
                                        "loss",
                                        "20%",
                                        "delay",
                                        "20ms")
                                .inheritIO()
                                .start()
                                .waitFor())
                        .isZero();
                var script =
                        "for i in $(seq 20); do nslookup -type=a n$i.example. | grep -c 192.0.2.5; done | sort | uniq"
                                + " -c";

                assertThat(output(BUSYBOX.dns("198.18.55.1").join(net), script)).isEqualTo("     20 1\n");
                assertThat(server.socket.isClosed()).isFalse();
            } finally {
                here.execute(LinkRequest.delete("testlossy").request());
            }
        }
    }

    @Test
    void aDotIsNoSearchAtAll() {
        try (var net = engine.networks().create("dot")) {
            assertThat(output(BUSYBOX.dns(Dns.HOST.search(".")).join(net), "cat /etc/resolv.conf"))
                    .doesNotContain("search");
        }
    }

    @Test
    void whoHasNoNetworksAsksForHimself() {
        assertThat(output(BUSYBOX.noNetwork().dns("192.0.2.53", "2001:db8::53"), "cat /etc/resolv.conf"))
                .isEqualTo("nameserver 192.0.2.53\nnameserver 2001:db8:0:0:0:0:0:53\n");
        assertThat(output(BUSYBOX.hostNetwork().dns(CORPORATE), "cat /etc/resolv.conf"))
                .isEqualTo("nameserver 127.0.0.77\nsearch corp.example\noptions ndots:2 timeout:3\n");
    }

    @Test
    void anotherContainersNamesAreShared() {
        try (var net = engine.networks().create(NetworkSpec.of("both").subnet("198.18.50.0/24"));
                var owner = engine.containers()
                        .start(IDLE.name("owner")
                                .extraHost("db", "10.1.2.3")
                                .dns(Dns.HOST.search("corp.example"))
                                .join(net, "www"))) {
            var spec = BUSYBOX.network("container:owner").extraHost("more", "10.1.2.4");

            assertThat(output(spec, "tail -n 3 /etc/hosts; hostname"))
                    .isEqualTo("10.1.2.3\tdb\n10.1.2.4\tmore\n198.18.50.2\t"
                            + owner.id().substring(0, 12) + "\n" + owner.id().substring(0, 12) + "\n");
            assertThat(output(spec, "cat /etc/resolv.conf")).startsWith("nameserver 127.0.0.11\nsearch corp.example\n");
            assertThat(output(spec, "nslookup -type=a www.")).contains("Address: 198.18.50.2");
        }
    }

    /** Like one that {@code ip netns add} made. */
    @Test
    void aNamespaceAtAPathIsJoinedAndLeftAsItIs() {
        try (var namespace = NetNamespace.create();
                var inside = namespace.call(Rtnetlink::open)) {
            inside.execute(
                    LinkRequest.change(1).up().request(),
                    LinkRequest.add("mine").kind(new LinkKind.Bridge(false)).request());
            var path = Path.of("/proc/self/fd/" + namespace.fd().number());
            var spec = BUSYBOX.network(NamespaceMode.path(path));

            assertThat(output(spec, "ls /sys/class/net; cat /proc/sys/net/ipv4/ip_unprivileged_port_start"))
                    .isEqualTo("lo\nmine\n1024\n");
            assertThat(output(spec.dns("192.0.2.53"), "cat /etc/resolv.conf")).contains("nameserver 192.0.2.53\n");
            assertThat(output(spec.dns("127.0.0.53"), "cat /etc/resolv.conf")).doesNotContain("nameserver");
            try (var box = engine.containers().start(IDLE.network("ns:" + path))) {
                assertThat(box.exec("ls", "/sys/class/net").stdout()).isEqualTo("lo\nmine\n");
                assertThat(box.endpoints()).isEmpty();
            }
            assertThat(inside.link("mine")).isPresent();
        }
    }

    @Test
    void whatCannotBeIsRefused(@TempDir Path directory) throws IOException {
        var file = Files.createFile(directory.resolve("file"));
        assertThatThrownBy(() ->
                        engine.containers().start(IDLE.name("lost").network("ns:" + directory.resolve("nothing"))))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot start container lost: there is no network namespace " + directory
                        + "/nothing; make it first, as ip netns add does");
        assertThatThrownBy(() -> engine.containers().start(IDLE.name("lost").network("ns:" + file)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot start container lost: " + file + " is no network namespace");
        assertThatThrownBy(() -> IDLE.network("ns:here"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot share the namespace at here: the path is not absolute");
        assertThatThrownBy(() -> IDLE.pid(NamespaceMode.path(file)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot share the namespace at " + file + ": only that of the network may be one at a path");
        assertThatThrownBy(() -> IDLE.dns("192.0.2.53").network("container:web"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot say whom to ask for names: the network namespace is another container's"
                        + " (container:web), and its resolver with it");
        assertThatThrownBy(() -> Dns.HOST.option("ndots:1 rotate"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot use the resolver option 'ndots:1 rotate': it does not match [a-zA-Z0-9_.:-]{1,254}");
        assertThatThrownBy(() -> Dns.HOST.server("dns.example.org"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use the address dns.example.org: it is neither of IPv4 nor of IPv6");
    }

    /** A host whose resolver is systemd's: ARG is the store. */
    static final class StubHost {
        public static void main(String[] args) throws IOException {
            try (var server = new Server("127.0.0.53");
                    var stub = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
                    var net = stub.networks().create(NetworkSpec.of("net").subnet(Subnet.parse("198.18.51.0/24")))) {
                System.out.print(stub.containers()
                        .run(BUSYBOX.command(
                                        "sh",
                                        "-c",
                                        // a slow machine may need more than one of its turns
                                        "cat /etc/resolv.conf; for i in 1 2 3 4 5; do nslookup -type=a www.example. |"
                                                + " grep 192 && break; done")
                                .join(net))
                        .stdout());
                System.out.println(server.socket.isClosed());
            }
        }
    }

    @Test
    void theStubOfSystemdIsAskedWhereItIs(TestStore store, @TempDir Path directory) throws IOException {
        var file = Files.writeString(directory.resolve("resolv.conf"), """
            # made by systemd-resolved
            nameserver 127.0.0.53
            options edns0 trust-ad
            search corp.example lan
            """);
        var host = "ip link set lo up; mount --bind " + file + " /etc/resolv.conf; exec \"$@\"";
        try (var jvm = ChildJvm.start(
                List.of("unshare", "--net", "--mount", "sh", "-c", host, "sh"),
                List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                StubHost.class,
                store.path().toString())) {
            assertThat(jvm.readLines())
                    .containsExactly(
                            "nameserver 127.0.0.11",
                            "search corp.example lan",
                            "options edns0 trust-ad ndots:0",
                            "Address: 192.0.2.5",
                            "false");
            assertThat(jvm.await(Duration.ofSeconds(60))).isZero();
        }
    }
}
