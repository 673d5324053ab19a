package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.Ready;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Programs of Debian's over a network: redis, nginx, curl, iperf3, dig, and glibc's resolver. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(280)
class NetworkServicesTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final ContainerSpec DEBIAN = ContainerSpec.of("debian");
    private static final ContainerSpec IDLE = DEBIAN.command("sleep", "1000");
    private static Engine engine;

    @BeforeAll
    static void open(TestStore store) {
        var debian = TestImages.debianWith("bind9-dnsutils", "curl", "iperf3", "nginx-light", "redis-server");
        engine = store.openEngine();
        engine.images().importRootfs(debian, "debian");
        // the engine opens its sockets, and makes the default network
        engine.containers().create(IDLE.network("bridge").publish(1)).close();
    }

    @AfterAll
    static void close() {
        if (engine != null) {
            engine.close();
        }
    }

    private static String output(Container container, String... command) {
        var result = container.exec(command);
        assertThat(result.stderr()).isEmpty();
        return result.stdout();
    }

    private static NetworkSpec dual(String name, int number) {
        return NetworkSpec.of(name).subnet("198.18." + number + ".0/24").subnet("fd00:" + number + "::/64");
    }

    @Test
    void servicesAreFoundAndUsedByName() {
        try (var net = engine.networks().create(dual("services", 90));
                var redis = engine.containers()
                        .start(DEBIAN.name("store")
                                .command("redis-server", "--protected-mode", "no", "--save", "")
                                .join(net, "cache"));
                var nginx = engine.containers()
                        .start(DEBIAN.name("web")
                                .command("nginx", "-g", "daemon off;")
                                .join(net, "www")
                                .publish(80));
                var cli = engine.containers().start(IDLE.join(net));
                var tools = engine.containers().start(IDLE.join(net))) {
            redis.awaitReady(Ready.listening(6379), LONG);
            nginx.awaitReady(Ready.listening(80), LONG);

            assertThat(output(cli, "redis-cli", "-h", "cache", "set", "k", "v")).isEqualTo("OK\n");
            assertThat(output(cli, "redis-cli", "-h", redis.id().substring(0, 12), "get", "k"))
                    .isEqualTo("v\n");
            // glibc asks for A and AAAA at once
            assertThat(output(cli, "getent", "ahostsv4", "WWW")).startsWith("198.18.90.3 ");
            assertThat(output(cli, "getent", "ahostsv6", "web")).startsWith("fd00:90::3 ");
            assertThat(output(cli, "getent", "hosts", "198.18.90.3")).contains(" web");
            assertThat(output(cli, "getent", "hosts", "fd00:90::2")).contains(" store");
            for (var version : List.of("-4", "-6")) {
                assertThat(output(
                                tools,
                                "curl",
                                version,
                                "--silent",
                                "--show-error",
                                "--max-time",
                                "30",
                                "--write-out",
                                "%{remote_ip}",
                                "http://Www/"))
                        .contains("Welcome to nginx")
                        .endsWith(version.equals("-4") ? "198.18.90.3" : "fd00:90::3");
            }
        }
    }

    /** One line for each record, in the order of the answer. */
    private static List<String> dig(Container container, String... question) {
        return digs(container, "+short", question).lines().toList();
    }

    private static String digs(Container container, String form, String... question) {
        var command = new ArrayList<>(List.of("dig", form, "+tries=1", "+time=20"));
        command.addAll(List.of(question));
        return output(container, command.toArray(String[]::new));
    }

    @Test
    void digFindsWhatThereIsAndIsToldWhatThereIsNot() {
        var longest = "a".repeat(63);
        try (var net = engine.networks().create(dual("named", 91).asInternal());
                var four = engine.networks()
                        .create(NetworkSpec.of("four").subnet("198.18.92.0/24").asInternal());
                var web = engine.containers()
                        .start(IDLE.name("Web_1").join(net, longest, "service").join(four, "only-four"));
                var tooLong =
                        engine.containers().start(IDLE.name("b".repeat(64)).join(net, "service"));
                var tools = engine.containers().start(IDLE.join(net))) {
            four.connect(tools);
            // of the first network on which somebody has the name, and for this moment only
            assertThat(digs(tools, "+noall", "+answer", "web_1."))
                    .matches("web_1\\.\\s+0\\s+IN\\s+A\\s+198\\.18\\.91\\.2\n");
            assertThat(dig(tools, "WEB_1", "AAAA")).containsExactly("fd00:91::2");
            assertThat(dig(tools, longest)).containsExactly("198.18.91.2");
            assertThat(dig(tools, "-x", "198.18.91.2")).containsExactly("web_1.");
            assertThat(dig(tools, "-x", "fd00:91::2")).containsExactly("web_1.");
            assertThat(dig(tools, "+tcp", "web_1", "AAAA")).containsExactly("fd00:91::2");
            assertThat(dig(tools, web.id().substring(0, 12), "AAAA")).containsExactly("fd00:91::2");
            // no name that DNS can have, so only by its other ones
            assertThat(dig(tools, "-x", "fd00:91::3")).containsExactly("service.");
            assertThat(dig(tools, tooLong.id().substring(0, 12))).containsExactly("198.18.91.3");

            var first = dig(tools, "service");
            var second = dig(tools, "service");
            assertThat(first).containsExactlyInAnyOrder("198.18.91.2", "198.18.91.3");
            assertThat(second).containsExactly(first.get(1), first.get(0));

            assertThat(digs(tools, "+noall", "+comments", "only-four", "AAAA"))
                    .contains("status: NOERROR", "ANSWER: 0");
            assertThat(digs(tools, "+noall", "+comments", "_sip._udp.web_1", "SRV"))
                    .contains("status: NXDOMAIN", "ANSWER: 0");
            assertThat(digs(tools, "+noall", "+comments", "web_1", "SRV")).contains("status: NOERROR", "ANSWER: 0");
            for (var transport : List.of("+notcp", "+tcp")) {
                assertThat(digs(tools, "+noall", "+comments", transport, "nobody"))
                        .contains("status: NXDOMAIN", "ANSWER: 0");
            }
        }
    }

    /** The server takes one client at a time, and closes its socket in between: it tells of each turn. */
    private static String iperf(Container server, int turn, Container client, String... arguments) {
        server.awaitReady(Ready.logLine("Server listening", turn), LONG);
        var command = new ArrayList<>(List.of("iperf3", "--json"));
        command.addAll(List.of(arguments));
        return output(client, command.toArray(String[]::new));
    }

    /** Completes, and has moved something: how fast is for the benchmarks. */
    private static void assertMoves(long least, String report) {
        var received = Pattern.compile("\"sum_received\":\\s*\\{[^}]*\"bytes\":\\s*([0-9]+)")
                .matcher(report);
        assertThat(received.find()).as(report).isTrue();
        assertThat(Long.parseLong(received.group(1))).isGreaterThan(least);
        assertThat(report).doesNotContain("\"error\"");
    }

    @Test
    void iperfMovesDataBetweenContainersAndFromTheHost() {
        try (var net = engine.networks().create(dual("fast", 93));
                var server = engine.containers()
                        .start(DEBIAN.name("server")
                                .command("iperf3", "--server", "--forceflush")
                                .join(net)
                                .publish(5201));
                var client = engine.containers().start(IDLE.join(net))) {
            assertMoves(1_000_000, iperf(server, 1, client, "--bytes", "20M", "--client", "server"));
            assertMoves(1_000_000, iperf(server, 2, client, "-6", "--bytes", "20M", "--client", "server", "--reverse"));
            // who is late loses datagrams
            assertMoves(
                    100_000,
                    iperf(server, 3, client, "--udp", "--bitrate", "10M", "--bytes", "2M", "--client", "server"));
            try (var host = engine.containers().start(IDLE.hostNetwork())) {
                var port = String.valueOf(server.hostPort(5201));
                assertMoves(
                        1_000_000, iperf(server, 4, host, "--bytes", "20M", "--port", port, "--client", "127.0.0.1"));
            }
        }
    }
}
