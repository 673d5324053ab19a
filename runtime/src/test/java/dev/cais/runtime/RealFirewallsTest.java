package dev.cais.runtime;

import static dev.cais.Ready.listening;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.PortMapping;
import dev.cais.Subnet;
import dev.cais.fixtures.Answering;
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
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Networks beside the firewalls that people have, as Debian packs them, active with what they come with: they filter the network namespace
 * of the tests, and have their files and processes to themselves.
 */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(180)
class RealFirewallsTest {
    private static final String HOST_LINK = "testwire";
    private static final InetAddress HOST = Subnet.parseAddress("198.19.8.1");
    private static final InetAddress OTHER = Subnet.parseAddress("198.19.8.2");
    private static final int MOMENT = 2_000;
    private static final int PATIENCE = 30_000;

    /** A shell that sees the files of the firewalls as its own. */
    private static final class Administrator implements AutoCloseable {
        private static final String END = "<<<";

        private final Process shell;
        private final Writer in;
        private final BufferedReader out;

        Administrator() throws IOException {
            shell = new ProcessBuilder("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh")
                    .redirectErrorStream(true)
                    .start();
            in = new OutputStreamWriter(shell.getOutputStream(), StandardCharsets.UTF_8);
            out = new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
            does("mount -t tmpfs run /run && mkdir -p /run/dbus /run/lock");
            does("mount -t tmpfs mine /mnt");
        }

        /** Has a copy in the place of a file or directory. */
        void owns(String path) {
            does("cp -a " + path + " /mnt/ && mount --bind /mnt/"
                    + Path.of(path).getFileName() + " " + path);
        }

        /** Runs a command of the shell, and gives what it prints. */
        String does(String command) {
            try {
                in.write("{ " + command + "\n} </dev/null; echo \"" + END + "$?\"\n");
                in.flush();
                var output = new StringBuilder();
                for (var line = out.readLine(); line != null; line = out.readLine()) {
                    if (line.startsWith(END)) {
                        assertThat(line).as(command + ": " + output).isEqualTo(END + "0");
                        return output.toString();
                    }
                    output.append(line).append('\n');
                }
                throw new AssertionError("the shell is gone: " + output);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() throws Exception {
            in.close();
            if (!shell.waitFor(30, TimeUnit.SECONDS)) {
                shell.destroyForcibly().waitFor();
            }
            out.close();
        }
    }

    private NetNamespace outside;
    private ServerSocket server;
    private ServerSocket hostServer;

    @BeforeEach
    void haveAnotherHost() throws IOException {
        outside = NetNamespace.create();
        try (var here = Rtnetlink.open()) {
            here.execute(LinkRequest.add(HOST_LINK)
                    .kind(new LinkKind.Veth(LinkRequest.add("eth0").namespace(outside.fd())))
                    .request());
            giveAddress(here, HOST_LINK, HOST);
        }
        server = outside.call(() -> {
            try (var there = Rtnetlink.open()) {
                there.execute(LinkRequest.change(1).up().request());
                giveAddress(there, "eth0", OTHER);
            }
            return new ServerSocket(0, 50, OTHER);
        });
        hostServer = new ServerSocket(0, 50, Subnet.parseAddress("0.0.0.0"));
        greet(server);
        greet(hostServer);
    }

    private static void greet(ServerSocket server) {
        Answering.connections(
                server, client -> client.getOutputStream().write("welcome\n".getBytes(StandardCharsets.US_ASCII)));
    }

    private static void giveAddress(Rtnetlink links, String name, InetAddress address) {
        var index = links.link(name).orElseThrow().index();
        links.execute(LinkRequest.change(index).up().request(), new LinkAddress(index, address, 24).add());
    }

    @AfterEach
    void partWithIt() throws IOException {
        server.close();
        hostServer.close();
        try (var here = Rtnetlink.open()) {
            here.execute(LinkRequest.delete(here.link(HOST_LINK).orElseThrow().index())
                    .request());
        }
        outside.close();
        Programs.output("nft", "flush", "ruleset"); // a firewall that is switched off leaves empty tables
    }

    private boolean reachesOutside(Container container, int patience) {
        return isWelcome(container, OTHER.getHostAddress(), server, patience);
    }

    private boolean reachesHost(Container container, int patience) {
        return isWelcome(container, "host.internal", hostServer, patience);
    }

    private static boolean isWelcome(Container container, String address, ServerSocket server, int patience) {
        var seconds = patience / 1000;
        var script = "nc -w " + seconds + " " + address + " " + server.getLocalPort() + " </dev/null";
        return container.exec("sh", "-c", script).stdout().equals("welcome\n");
    }

    /** From the other host. */
    private boolean isReached(Container container, int patience) {
        var port = new InetSocketAddress(HOST, container.hostPort(80));
        return outside.call(() -> {
            try (var socket = new Socket()) {
                socket.connect(port, patience);
                socket.setSoTimeout(PATIENCE);
                socket.getOutputStream().write("ping\n".getBytes(StandardCharsets.US_ASCII));
                return new String(socket.getInputStream().readNBytes(5), StandardCharsets.US_ASCII).equals("ping\n");
            } catch (IOException e) {
                return false;
            }
        });
    }

    private static List<String> obstacles(Engine engine) {
        return engine.info().notes().stream()
                .filter(note -> note.startsWith("the firewall's chain "))
                .toList();
    }

    /** Does what the notes say. */
    private static void allow(Engine engine, Administrator administrator) {
        for (var note : obstacles(engine)) {
            administrator.does(note.substring(note.indexOf("allow it: ") + "allow it: ".length()));
        }
    }

    private static ContainerSpec echo() {
        return EchoServer.SPEC.publish(PortMapping.of(80).on("0.0.0.0"));
    }

    private void assertAllPasses(Container container) throws IOException {
        assertThat(reachesOutside(container, PATIENCE)).isTrue();
        assertThat(reachesHost(container, PATIENCE)).isTrue();
        assertThat(isReached(container, PATIENCE)).isTrue();
        EchoServer.assertEchoes(Subnet.parseAddress("127.0.0.1"), container.hostPort(80));
    }

    @Test
    @RequiresProgram({"ufw", "nft"})
    void besideUfwAllPassesOnceItIsToldWhatTheNotesSay(TestStore store) throws Exception {
        assumeTrue(
                Programs.output("sh", "-c", "readlink -f \"$(command -v iptables)\"")
                        .contains("nft"),
                "iptables is not that of nf_tables here");
        try (var administrator = new Administrator();
                var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(NetworkSpec.of("guarded").subnet("198.18.78.0/24"));
                var echo = engine.containers().start(echo().join(net))) {
            echo.awaitReady(listening(80), Duration.ofSeconds(30));
            assertAllPasses(echo);
            administrator.owns("/etc/ufw");
            administrator.owns("/lib/ufw");
            administrator.owns("/etc/default");
            // switches of the kernel would stay when it is gone
            administrator.does("sed -i 's/^IPT_SYSCTL=.*/IPT_SYSCTL=/' /etc/default/ufw");
            administrator.does("ufw --force enable");
            try {
                assertThat(obstacles(engine))
                        .hasSize(4)
                        .anyMatch(note -> note.startsWith("the firewall's chain ip filter FORWARD drops")
                                && note.endsWith(
                                        "; allow it: ufw route allow in on cais+; ufw route allow out on cais+"))
                        .anyMatch(note -> note.startsWith("the firewall's chain ip filter INPUT drops")
                                && note.endsWith("; allow it: ufw allow in on cais+"));
                assertThat(reachesOutside(echo, MOMENT)).isFalse();
                assertThat(reachesHost(echo, MOMENT)).isFalse();
                assertThat(isReached(echo, MOMENT)).isFalse();
                EchoServer.assertEchoes(Subnet.parseAddress("127.0.0.1"), echo.hostPort(80));

                allow(engine, administrator);
                assertAllPasses(echo);
                administrator.does("ufw reload");
                assertAllPasses(echo);
            } finally {
                administrator.does("ufw disable");
            }
            assertThat(obstacles(engine)).isEmpty();
        }
    }

    @Test
    @RequiresProgram({"firewalld", "firewall-cmd", "dbus-daemon", "nft"})
    void besideFirewalldAllPassesOnceItIsToldWhatTheNotesSay(TestStore store) throws Exception {
        try (var administrator = new Administrator();
                var engine = store.openEngineWithBusybox();
                var net = engine.networks().create(NetworkSpec.of("guarded").subnet("198.18.79.0/24"));
                var echo = engine.containers().start(echo().join(net))) {
            echo.awaitReady(listening(80), Duration.ofSeconds(30));
            assertAllPasses(echo);
            administrator.owns("/etc/firewalld");
            administrator.does("dbus-daemon --system --fork --nopidfile");
            administrator.does("firewalld --nofork --nopid >/run/firewalld.log 2>&1 &");
            administrator.does("timeout 60 sh -c 'until firewall-cmd --state >/dev/null 2>&1; do sleep 0.1; done'");

            assertThat(obstacles(engine))
                    .hasSize(2)
                    .anyMatch(note -> note.startsWith("the firewall's chain inet firewalld filter_FORWARD drops"))
                    .allMatch(note -> note.endsWith("; allow it: firewall-cmd --permanent --zone=trusted"
                            + " --add-interface=cais+; firewall-cmd --reload"));
            assertThat(reachesOutside(echo, MOMENT)).isFalse();
            assertThat(reachesHost(echo, MOMENT)).isFalse();
            assertThat(isReached(echo, PATIENCE))
                    .as("it lets pass what is translated")
                    .isTrue();

            allow(engine, administrator);
            assertAllPasses(echo);
            administrator.does("firewall-cmd --complete-reload");
            assertAllPasses(echo);
        }
    }
}
