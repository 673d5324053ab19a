package dev.cais.examples;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.PortMapping;
import dev.cais.Ready;
import dev.cais.Subnet;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;

/**
 * {@code NetworkBenchmark DIRECTORY}: what networks and published ports cost, in medians. The directory is a root file system with
 * iperf3 and perl, as {@code mmdebstrap --variant=apt --include=iperf3 bookworm DIRECTORY} makes it; the host needs both, too.
 *
 * <p>System properties change the counts: {@code rounds} of each start after a {@code warmup} of as many, {@code connections} one after
 * the other, {@code seconds} of each transfer, of which there are {@code transfers}.
 */
public final class NetworkBenchmark {
    private static final int ROUNDS = Integer.getInteger("rounds", 30);
    private static final int WARMUP = Integer.getInteger("warmup", 100);
    private static final int CONNECTIONS = Integer.getInteger("connections", 2000);
    private static final int SECONDS = Integer.getInteger("seconds", 2);
    private static final int TRANSFERS = Integer.getInteger("transfers", 5);
    private static final int MANY_PORTS = 1000;
    private static final int FIRST_PORT = 20_000;
    private static final int IPERF = 5201;
    private static final int ECHO = 5202;
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final Pattern RECEIVED = Pattern.compile("([0-9.]+) Gbits/sec +receiver");

    /** Answers each connection with its first byte. */
    private static final List<String> ECHO_SERVER = List.of("perl", "-e", """
                    use Socket;
                    socket(S, PF_INET, SOCK_STREAM, 6) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die;
                    bind(S, sockaddr_in(5202, INADDR_ANY)) && listen(S, 1024) or die;
                    while (accept(C, S)) { sysread(C, $b, 1); syswrite(C, $b); close C }
                    """);

    private static final List<String> IPERF_SERVER = List.of("iperf3", "-s");

    private final Engine engine;
    private final ContainerSpec spec;
    private final ContainerSpec loopbacks;

    private NetworkBenchmark(Engine engine, Path directory) {
        this.engine = engine;
        this.spec = ContainerSpec.ofRootfs(directory);
        this.loopbacks = spec.publish(PortMapping.of(IPERF).on("127.0.0.1", "::1"))
                .publish(PortMapping.of(ECHO).on("127.0.0.1", "::1"));
    }

    public static void main(String[] arguments) throws Exception {
        try (var engine = Engine.open()) {
            System.out.println(engine + ", Linux " + engine.info().kernel() + ", JDK " + Runtime.version());
            System.out.printf(Locale.ROOT, "%-52s %6s %9s %9s %9s%n", "", "runs", "median", "min", "max");
            var benchmark = new NetworkBenchmark(engine, Path.of(arguments[0]));
            benchmark.starts();
            benchmark.echoes();
            benchmark.transfers();
        }
    }

    /** In turns, so that what else the machine does meets all of them. */
    private void starts() {
        var none = spec.noNetwork().command("true");
        var bridge = spec.command("true").network("bridge");
        var specs = List.of(none, bridge, bridge.publish(80));
        var times = new double[specs.size()][ROUNDS];
        for (var round = -WARMUP; round < ROUNDS; round++) {
            for (var i = 0; i < specs.size(); i++) {
                var begun = System.nanoTime();
                engine.containers().run(specs.get(i));
                if (round >= 0) {
                    times[i][round] = (System.nanoTime() - begun) / 1e6;
                }
            }
        }
        print("start to exit of true without a network, ms", times[0]);
        print("with a bridge, ms", times[1]);
        print("with a bridge and a published port, ms", times[2]);
    }

    private void echoes() throws Exception {
        var local = Subnet.parseAddress("127.0.0.1");
        var local6 = Subnet.parseAddress("::1");
        var server = new ProcessBuilder(ECHO_SERVER).inheritIO().start();
        try {
            awaitEcho(local, ECHO);
            echo("connect and echo of a byte on loopback, µs", local, ECHO);
        } finally {
            server.destroyForcibly().waitFor();
        }
        try (var one = start(loopbacks, ECHO_SERVER, ECHO)) {
            echo(
                    "to the container's address, µs",
                    one.endpoints().get(0).addresses().get(0),
                    ECHO);
            echo("through a port of 127.0.0.1 (the kernel), µs", local, one.hostPort(ECHO));
            echo("through a port of ::1 (the relay), µs", local6, one.hostPort(ECHO));
        }
        var range = FIRST_PORT + "-" + (FIRST_PORT + MANY_PORTS - 1);
        var many = loopbacks;
        for (var mapping : PortMapping.parse(range + ":" + range)) {
            many = many.publish(mapping);
        }
        var begun = System.nanoTime();
        try (var container = start(many, ECHO_SERVER, ECHO)) {
            print("start with " + MANY_PORTS + " published ports, ms", (System.nanoTime() - begun) / 1e6);
            echo("through a port of 127.0.0.1 among those, µs", local, container.hostPort(ECHO));
            echo("through a port of ::1 among those, µs", local6, container.hostPort(ECHO));
        }
    }

    private static void awaitEcho(InetAddress address, int port) throws Exception {
        for (var tries = 0; ; tries++) {
            try {
                echo(address, port);
                return;
            } catch (IOException e) {
                if (tries == 500) {
                    throw e;
                }
                Thread.sleep(10); // until it listens
            }
        }
    }

    private static void echo(String name, InetAddress address, int port) throws IOException {
        var times = new double[CONNECTIONS];
        for (var i = -CONNECTIONS; i < CONNECTIONS; i++) {
            var took = echo(address, port);
            if (i >= 0) {
                times[i] = took / 1e3;
            }
        }
        print(name, times);
    }

    /** @return nanoseconds */
    private static long echo(InetAddress address, int port) throws IOException {
        var begun = System.nanoTime();
        try (var socket = new Socket(address, port)) {
            socket.getOutputStream().write('x');
            if (socket.getInputStream().read() != 'x') {
                throw new IOException("no answer");
            }
            return System.nanoTime() - begun;
        }
    }

    private void transfers() throws Exception {
        var floor = new ProcessBuilder("iperf3", "-s", "-B", "127.0.0.1")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (var server = start(loopbacks, IPERF_SERVER, IPERF);
                var client = engine.containers().start(spec.network("bridge").command("sleep", "3600"))) {
            var address = server.endpoints().get(0).addresses().get(0).getHostAddress();
            var port = String.valueOf(server.hostPort(IPERF));
            transfer("loopback, Gb/s", () -> run(List.of("-c", "127.0.0.1")));
            transfer(
                    "container to container, Gb/s",
                    () -> client.exec("iperf3", "-f", "g", "-t", String.valueOf(SECONDS), "-c", address)
                            .stdout());
            transfer(
                    "host to a port of 127.0.0.1 (the kernel), Gb/s",
                    () -> run(List.of("-c", "127.0.0.1", "-p", port)));
            transfer("container to host by that, Gb/s", () -> run(List.of("-R", "-c", "127.0.0.1", "-p", port)));
            transfer("host to a port of ::1 (the relay), Gb/s", () -> run(List.of("-c", "::1", "-p", port)));
            transfer("container to host by that, Gb/s", () -> run(List.of("-R", "-c", "::1", "-p", port)));
        } finally {
            floor.destroyForcibly().waitFor();
        }
    }

    private Container start(ContainerSpec server, List<String> command, int port) {
        var started = engine.containers().start(server.command(command.toArray(String[]::new)));
        started.awaitReady(Ready.listening(port), PATIENCE);
        return started;
    }

    private static String run(List<String> arguments) throws IOException {
        var command = new ArrayList<>(List.of("iperf3", "-f", "g", "-t", String.valueOf(SECONDS)));
        command.addAll(arguments);
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static void transfer(String name, Callable<String> transfer) throws Exception {
        var rates = new double[TRANSFERS];
        for (var i = 0; i < TRANSFERS; i++) {
            var output = transfer.call();
            while (output.contains("the server is busy")) { // it learns of an end a moment later
                Thread.sleep(50);
                output = transfer.call();
            }
            var received = RECEIVED.matcher(output);
            if (!received.find()) {
                throw new IOException("iperf3 says " + output);
            }
            rates[i] = Double.parseDouble(received.group(1));
        }
        print(name, rates);
    }

    private static void print(String name, double... values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        System.out.printf(
                Locale.ROOT,
                "%-52s %6d %9.1f %9.1f %9.1f%n",
                name,
                sorted.length,
                sorted[sorted.length / 2],
                sorted[0],
                sorted[sorted.length - 1]);
    }
}
