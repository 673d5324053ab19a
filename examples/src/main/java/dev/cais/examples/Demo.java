package dev.cais.examples;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Runs a container on a machine that has a JDK and nothing else, and tells what it got: which isolation, what the process saw,
 * how long it took. The image is {@code cais/host}, which the engine assembles from the host's own programs.
 */
public final class Demo {
    private static final String IMAGE = "cais/host";
    private static final List<String> NAMESPACES = List.of("mnt", "pid", "net", "uts", "ipc", "cgroup");

    /** Tells, in lines of name and value, what a process can find out about where it is. Only a shell and coreutils. */
    private static final String LOOK_AROUND = """
            echo "self $$"
            echo "user $(id -un) ($(id -u))"
            echo "host $(cat /proc/sys/kernel/hostname)"
            echo "root $(ls / | tr '\\n' ' ')"
            echo "processes $(ls -d /proc/[0-9]* | wc -l)"
            echo "links $(ls /sys/class/net | tr '\\n' ' ')"
            echo "group $(cut -d: -f3 /proc/self/cgroup | sort -u | tr '\\n' ' ')"
            while read -r name value; do
              case $name in CapBnd:|NoNewPrivs:|Seccomp:) echo "$name $value";; esac
            done </proc/self/status
            while read -r _ _ _ _ point rest; do
              if [ "$point" = / ]; then rest=${rest#* - }; echo "type ${rest%% *}"; fi
            done </proc/self/mountinfo
            for space in mnt pid net uts ipc cgroup; do
              echo "$space $(readlink /proc/self/ns/$space)"
            done
            """;

    private Demo() {}

    public static void main(String[] arguments) throws IOException {
        try {
            run();
        } catch (EngineException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    private static void run() throws IOException {
        var begun = System.nanoTime();
        try (var engine = Engine.open()) {
            var opened = since(begun);
            var info = engine.info();
            System.out.println(engine + " on Linux " + info.kernel());
            info.notes().forEach(note -> System.out.println("  note: " + note));

            var image = engine.images().get(IMAGE);
            System.out.println(image);
            var spec = ContainerSpec.of(image).noNetwork();
            var first = engine.containers().run(spec.command("sh", "-c", LOOK_AROUND));
            if (!first.status().success()) {
                System.err.print(first.stderr());
                System.exit(first.exitCode());
            }
            var seen = parse(first.stdout());
            printIsolation(seen, info.cgroupVersion(), info.controllers());
            printWhatItSaw(seen);

            var start = new ArrayList<Duration>();
            for (var round = 0; round < 50; round++) {
                start.add(engine.containers().run(spec.command("true")).duration());
            }
            var exec = new ArrayList<Duration>();
            try (Container box = engine.containers().start(spec.command("sleep", "60"))) {
                for (var round = 0; round < 50; round++) {
                    exec.add(box.exec("true").duration());
                }
            }
            System.out.println("It took");
            print("to open the engine", milliseconds(opened));
            print("for the first container", milliseconds(first.duration()));
            print("for one more", milliseconds(median(start)) + ", start to exit, median of " + start.size());
            print("to exec in a running one", milliseconds(median(exec)) + ", median of " + exec.size());
        }
    }

    private static void printIsolation(Map<String, String> seen, String cgroups, List<String> controllers)
            throws IOException {
        var own = new ArrayList<String>();
        for (var namespace : NAMESPACES) {
            var ours =
                    Files.readSymbolicLink(Path.of("/proc/self/ns", namespace)).toString();
            if (!ours.equals(seen.get(namespace))) {
                own.add(namespace);
            }
        }
        var capabilities = Long.bitCount(Long.parseUnsignedLong(seen.getOrDefault("CapBnd:", "0"), 16));
        System.out.println("Its isolation");
        print("namespaces of its own", String.join(", ", own));
        print("root file system", seen.getOrDefault("type", "unknown") + ", mounted in its namespace only");
        print(
                "cgroup",
                cgroups + ", limits for " + (controllers.isEmpty() ? "nothing" : String.join(", ", controllers)));
        print("capabilities", "at most " + capabilities + " of root's");
        print("system call filter", "2".equals(seen.get("Seccomp:")) ? "on" : "off");
    }

    private static void printWhatItSaw(Map<String, String> seen) {
        System.out.println("What the process saw");
        print("itself", "pid " + seen.get("self") + ", user " + seen.get("user"));
        print("host name", seen.getOrDefault("host", ""));
        print("directories", seen.getOrDefault("root", ""));
        print("processes", seen.getOrDefault("processes", ""));
        print("network", seen.getOrDefault("links", ""));
        print("its cgroup", seen.getOrDefault("group", ""));
    }

    private static Map<String, String> parse(String lines) {
        var values = new LinkedHashMap<String, String>();
        lines.lines().forEach(line -> {
            var space = line.indexOf(' ');
            values.put(line.substring(0, space), line.substring(space + 1).strip());
        });
        return values;
    }

    private static void print(String name, String value) {
        System.out.printf(Locale.ROOT, "  %-26s%s%n", name, value);
    }

    private static Duration median(List<Duration> times) {
        return times.stream().sorted().skip(times.size() / 2).findFirst().orElseThrow();
    }

    private static Duration since(long begun) {
        return Duration.ofNanos(System.nanoTime() - begun);
    }

    private static String milliseconds(Duration time) {
        return String.format(Locale.ROOT, "%.1f ms", time.toNanos() / 1e6);
    }
}
