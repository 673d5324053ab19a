package dev.cais.network.esp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.NetworkDriver.Vxlan;
import dev.cais.Subnet;
import dev.cais.VxlanSecret;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.NetNamespace;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Datagrams between two hosts, which are namespaces on both ends of a wire. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.ESP})
@RequiresProgram("ip")
@LeakChecked
@Timeout(300)
class VxlanEncryptionTest {
    private static final InetAddress FIRST = Subnet.parseAddress("198.19.9.1");
    private static final InetAddress SECOND = Subnet.parseAddress("198.19.9.2");
    private static final VxlanSecret SECRET = VxlanSecret.parse("5ec2e7".repeat(11));
    private static final Instant NOW = Instant.parse("2026-11-22T12:59:00Z");
    private static final Duration HOUR = Duration.ofHours(1);

    private static final int PATIENCE = 60_000;
    private static final int MOMENT = 200;

    private NetNamespace one;
    private NetNamespace other;

    @BeforeEach
    void joinHosts() {
        one = NetNamespace.create();
        other = NetNamespace.create();
        one.call(() -> {
            try (var here = Rtnetlink.open()) {
                here.execute(LinkRequest.add("eth0")
                        .kind(new LinkKind.Veth(LinkRequest.add("eth0").namespace(other.fd())))
                        .request());
            }
            return null;
        });
        giveAddress(one, FIRST);
        giveAddress(other, SECOND);
    }

    private static void giveAddress(NetNamespace namespace, InetAddress address) {
        namespace.call(() -> {
            try (var there = Rtnetlink.open()) {
                var index = there.link("eth0").orElseThrow().index();
                there.execute(
                        LinkRequest.change(1).up().request(),
                        LinkRequest.change(index).up().request(),
                        new LinkAddress(index, address, 24).add());
            }
            return null;
        });
    }

    @AfterEach
    void partHosts() {
        one.close();
        other.close();
    }

    private static VxlanEncryption encrypt(NetNamespace host, InetAddress local, VxlanSecret secret, Instant now) {
        var remote = local.equals(FIRST) ? SECOND : FIRST;
        var vxlan = new Vxlan(42, local, List.of(remote), Vxlan.PORT, Optional.of(secret));
        return host.call(() -> {
            var encryption = VxlanEncryption.claim("cannot make network n", vxlan, secret, now);
            encryption.begin("cannot make network n");
            return encryption;
        });
    }

    private boolean arrives() throws IOException {
        return arrives(PATIENCE);
    }

    private boolean isLost() throws IOException {
        return !arrives(MOMENT);
    }

    /** What the first host sends to the second one, and whether the second one sees it, some milliseconds later at most. */
    private boolean arrives(int patience) throws IOException {
        try (DatagramSocket receiver = other.call(() -> new DatagramSocket(Vxlan.PORT, SECOND));
                DatagramSocket control = other.call(() -> new DatagramSocket(9, SECOND));
                DatagramSocket sender = one.call(() -> new DatagramSocket(0, FIRST))) {
            var text = "in the clear".getBytes(StandardCharsets.UTF_8);
            try {
                sender.send(new DatagramPacket(text, text.length, SECOND, Vxlan.PORT));
            } catch (IOException e) {
                return false; // the kernel says at once that it has no key
            }
            // what is sent later arrives later, but for what a cipher takes: so the first one is here soon, or never
            sender.send(new DatagramPacket(text, text.length, SECOND, 9));
            control.receive(new DatagramPacket(new byte[64], 64));
            receiver.setSoTimeout(patience);
            receiver.receive(new DatagramPacket(new byte[64], 64));
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private static String xfrm(NetNamespace host, String what) {
        return host.call(() -> Programs.output("ip", "xfrm", what));
    }

    @Test
    void hostsOfOneSecretReachEachOtherAndNobodyElse() throws IOException {
        assertThat(arrives()).isTrue();
        try (var first = encrypt(one, FIRST, SECRET, NOW)) {
            assertThat(isLost()).as("the other host does not decrypt").isTrue();
            try (var second = encrypt(other, SECOND, SECRET, NOW)) {
                assertThat(arrives()).as("both do").isTrue();
                assertThat(first).hasToString("VxlanEncryption[42, 198.19.9.1, 1 host]");
                assertThat(second.over()).isEqualTo(Instant.parse("2026-11-22T13:00:00Z"));
            }
            try (var stranger = encrypt(other, SECOND, VxlanSecret.parse("00".repeat(32)), NOW)) {
                assertThat(isLost()).as(stranger + " has another secret").isTrue();
            }
        }
        try (var second = encrypt(other, SECOND, SECRET, NOW)) {
            assertThat(isLost()).as("in the clear to " + second).isTrue();
        }
        assertThat(arrives()).as("all is as before").isTrue();
        for (var host : List.of(one, other)) {
            assertThat(xfrm(host, "policy") + xfrm(host, "state")).isEmpty();
        }
    }

    @Test
    void keysChangeWithTheHourAndClocksMayDifferByLess() throws IOException {
        try (var first = encrypt(one, FIRST, SECRET, NOW);
                var second = encrypt(other, SECOND, SECRET, NOW)) {
            var before = xfrm(one, "state");
            first.renew(NOW.plusSeconds(59), () -> {});
            assertThat(xfrm(one, "state")).isEqualTo(before);

            first.renew(NOW.plus(HOUR), () -> {});
            assertThat(xfrm(one, "state")).isNotEqualTo(before);
            assertThat(xfrm(one, "state").split("\nsrc ")).hasSameSizeAs(before.split("\nsrc "));
            assertThat(arrives()).as("the other clock is behind").isTrue();

            second.renew(NOW.plus(HOUR.multipliedBy(2)), () -> {});
            assertThat(arrives()).as("and now before").isTrue();

            second.renew(NOW.plus(HOUR.multipliedBy(3)), () -> {});
            assertThat(isLost()).as("by too much").isTrue();
            first.renew(NOW.plus(HOUR.multipliedBy(3)), () -> {});
            assertThat(arrives()).isTrue();
        }
    }

    @Test
    void whoStartsAnewInTheSameHourIsHeard() throws IOException {
        try (var second = encrypt(other, SECOND, SECRET, NOW)) {
            for (var start = 0; start < 3; start++) {
                try (var first = encrypt(one, FIRST, SECRET, NOW.plusSeconds(start))) {
                    assertThat(arrives()).as(first + " to " + second).isTrue();
                }
            }
            try (var first = encrypt(one, FIRST, SECRET, NOW)) {
                assertThat(isLost())
                        .as(first + " counts as it did: that is a repetition")
                        .isTrue();
            }
        }
    }

    @Test
    void anAddressAndPortIsTakenOnce() {
        try (var first = encrypt(one, FIRST, SECRET, NOW)) {
            var policies = xfrm(one, "policy");
            assertThatThrownBy(() -> encrypt(one, FIRST, SECRET, NOW))
                    .as(first.toString())
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot make network n: what comes to 198.19.9.1 on port 4789 is encrypted for somebody"
                            + " else already; choose another port, the same on all hosts");
            assertThat(xfrm(one, "policy")).isEqualTo(policies);
        }
    }
}
