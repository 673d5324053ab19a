package dev.cais.examples;

import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.time.Duration;

/** {@code Service [IMAGE]}: keeps a container running beside the program, looks at it, runs things in it, and stops it. */
public final class Service {
    /** Says when it is ready, works, and ends with 0 when it is asked to. */
    private static final String WORK = """
            trap 'echo stopping; exit 0' TERM
            echo ready
            while true; do sleep 0.1; done
            """;

    private Service() {}

    public static void main(String[] arguments) throws InterruptedException {
        var image = arguments.length > 0 ? arguments[0] : "busybox";
        var spec = ContainerSpec.of(image)
                .name("worker")
                .memory(ByteSize.mib(256))
                .cpus(0.5)
                .pids(100)
                .label("purpose", "example")
                .command("sh", "-c", WORK);
        try (var engine = Engine.open();
                var worker = engine.containers().start(spec)) {
            while (worker.logs().lines().noneMatch(line -> line.text().equals("ready"))) {
                Thread.sleep(20);
            }
            System.out.println(worker);
            System.out.print(worker.exec("sh", "-c", "echo kept >/tmp/value; cat /tmp/value")
                    .stdout()); // kept

            var stats = worker.stats();
            System.out.println("memory in use: " + (stats.memory().bytes() > 0)); // true
            System.out.println("memory limit: " + stats.memory().limit()); // 256.0 MiB
            System.out.println("processes: " + stats.pids().current());

            System.out.println("stopped with " + worker.stop(Duration.ofSeconds(5))); // exit 0
            worker.logs().lines().forEach(line -> System.out.println(line.stream() + " " + line.text()));
        } // removed: no process, mount, cgroup or file is left
    }
}
