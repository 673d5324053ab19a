package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.NetworkSpec;
import dev.cais.PortMapping;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Cais beside other engines in one network namespace, each with a subnet of its own. Not a test; {@code
 * src/test/sh/network-turns.sh} starts it. What it has made is gone when its input ends.
 *
 * <p>{@code serve SUBNET DIRECTORY ECHO-SERVER}: three containers of that root file system: iperf3's server, one to be a client, and the
 * program for perl. Writes one line: the server's address, its port on 127.0.0.1 and {@code ::1}, the client's process, the port of the program.
 *
 * <p>{@code start none|SUBNET DIRECTORY}: for each line read, a container runs to its end, without a network or with one and a published
 * port, and the answer is {@code ok}.
 */
final class NetworkTurns {
    private NetworkTurns() {}

    public static void main(String[] arguments) throws IOException {
        try (var engine = Engine.open();
                var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            var spec = ContainerSpec.ofRootfs(Path.of(arguments[2]));
            if (arguments[1].equals("none")) {
                spec = spec.noNetwork();
            } else {
                engine.networks().create(NetworkSpec.of("turns").subnet(arguments[1]));
                spec = spec.network("turns");
            }
            if (arguments[0].equals("serve")) {
                serve(engine, spec, arguments[3]);
                lines.readLine();
            } else {
                start(engine, arguments[1].equals("none") ? spec : spec.publish(80), lines);
            }
        }
    }

    private static void serve(Engine engine, ContainerSpec spec, String program) {
        var containers = engine.containers();
        var server = containers.start(
                spec.command("iperf3", "-s").publish(PortMapping.of(5201).on("127.0.0.1", "::1")));
        var client = containers.start(spec.command("sleep", "36000"));
        var echo = containers.start(
                spec.command("perl", "-e", program).publish(PortMapping.of(5202).on("127.0.0.1", "::1")));
        var address = server.endpoints().get(0).addresses().get(0).getHostAddress();
        System.out.println(address + " " + server.hostPort(5201) + " " + client.pid() + " " + echo.hostPort(5202));
    }

    private static void start(Engine engine, ContainerSpec spec, BufferedReader lines) throws IOException {
        while (lines.readLine() != null) {
            var exit = engine.containers().run(spec.command("/bin/true")).exitCode();
            System.out.println(exit == 0 ? "ok" : "exit " + exit);
        }
    }
}
