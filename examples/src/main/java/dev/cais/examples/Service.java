package dev.cais.examples;

import static dev.cais.ByteSize.mib;
import static dev.cais.Ready.listening;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * {@code Service [IMAGE]}: a redis beside the program, within limits. It is waited for, talked to over a port of this host, looked at,
 * used by its own tool, and stopped.
 */
public final class Service {
    private static final int PORT = 6379;

    private Service() {}

    public static void main(String[] arguments) throws IOException {
        var spec = ContainerSpec.of(arguments.length > 0 ? arguments[0] : "redis")
                .name("cache")
                .publish(PORT)
                .memory(mib(256))
                .cpus(0.5)
                .pids(100)
                .label("purpose", "example");
        try (var engine = Engine.open();
                var cache = engine.containers().start(spec)) {
            cache.awaitReady(listening(PORT), Duration.ofMinutes(1));
            System.out.println(cache);
            try (var socket = new Socket(InetAddress.getLoopbackAddress(), cache.hostPort(PORT))) {
                socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
                var answer = socket.getInputStream().readNBytes("+PONG\r\n".length());
                System.out.print(new String(answer, StandardCharsets.US_ASCII)); // +PONG
            }
            System.out.print(cache.exec("redis-cli", "set", "k", "v").stdout()); // OK

            var stats = cache.stats();
            System.out.println("memory in use: " + (stats.memory().bytes() > 0)); // true
            System.out.println("memory limit: " + stats.memory().limit()); // 256.0 MiB
            System.out.println("few processes: " + (stats.pids().current() < 100)); // true

            System.out.println("stopped with " + cache.stop(Duration.ofMinutes(1))); // exit 0
            cache.logs().lines().limit(5).forEach(line -> System.out.println(line.stream() + " " + line.text()));
        } // removed: no process, mount, link, cgroup, rule or file is left
    }
}
