package dev.cais.runtime;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.Subnet;
import dev.cais.fixtures.Answering;
import dev.cais.fixtures.NetNamespace;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Another host, which the tests' JVM sets up as root for the tests of a class that a plain user runs: this host is {@link #HERE} and
 * {@link #HERE6} for it. It says on port 80 of TCP who asks, and sends back on port 53 of UDP what it gets;
 * a question of DNS becomes the answer that there is no such name. Stands before {@code
 * AsPlainUser}.
 */
public final class OutsideHost implements BeforeAllCallback, AfterAllCallback {
    static final String THERE = "198.19.9.2";
    static final String HERE = "198.19.9.1";
    static final String THERE6 = "fd00:19:9::2";
    static final String HERE6 = "fd00:19:9::1";
    private static final String LINK = "outside0";
    private static final int INSIDE = 2;
    private static final int DNS_HEADER = 12;

    private final List<AutoCloseable> opened = new ArrayList<>();

    @Override
    public void beforeAll(ExtensionContext context) {
        if (Host.effectiveUser() != 0) {
            return;
        }
        assumeTrue(System.getenv("CAIS_TEST_NETWORK") != null, "needs a network namespace of the tests' own");
        var outside = NetNamespace.create();
        opened.add(outside);
        try (var host = Rtnetlink.open()) {
            var eth0 = LinkRequest.add("eth0").namespace(outside.fd()).index(INSIDE);
            host.execute(
                    LinkRequest.add(LINK).kind(new LinkKind.Veth(eth0)).up().request());
            var index = host.link(LINK).orElseThrow().index();
            host.execute(
                    new LinkAddress(index, address(HERE), 24).add(), new LinkAddress(index, address(HERE6), 64).add());
        }
        try (var inside = outside.call(Rtnetlink::open)) {
            inside.execute(
                    LinkRequest.change(1).up().request(),
                    LinkRequest.change(INSIDE).up().request(),
                    new LinkAddress(INSIDE, address(THERE), 24).add(),
                    new LinkAddress(INSIDE, address(THERE6), 64).add());
        }
        var connections = outside.call(() -> new ServerSocket(80, 50, address("::")));
        opened.add(connections);
        Answering.connections(connections, client -> {
            var who = client.getInetAddress().getHostAddress() + "\n";
            client.getOutputStream().write(who.getBytes(StandardCharsets.US_ASCII));
        });
        var datagrams = outside.call(() -> new DatagramSocket(new InetSocketAddress(address("::"), 53)));
        opened.add(datagrams);
        Answering.datagrams(datagrams, OutsideHost::answer);
    }

    private static byte[] answer(DatagramPacket question) {
        var answer = Arrays.copyOf(question.getData(), question.getLength());
        if (answer.length >= DNS_HEADER) {
            answer[2] |= (byte) 0x80; // an answer
            answer[3] = (byte) (answer[3] & 0xf0 | 3); // NXDOMAIN
        }
        return answer;
    }

    private static InetAddress address(String text) {
        return Subnet.parseAddress(text);
    }

    @Override
    public void afterAll(ExtensionContext context) throws Exception {
        if (opened.isEmpty()) {
            return;
        }
        try (var host = Rtnetlink.open()) {
            host.execute(LinkRequest.delete(LINK).request());
        }
        for (var resource : opened) {
            resource.close();
        }
    }
}
