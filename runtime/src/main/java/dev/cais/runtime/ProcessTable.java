package dev.cais.runtime;

import dev.cais.ContainerProcess;
import dev.cais.EngineException;
import dev.cais.linux.FileCalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Looks at processes through /proc, from outside: nothing is started in the container, and nothing in it is asked.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html">proc_pid_stat(5)</a>
 */
final class ProcessTable {
    /** The kernel's USER_HZ, one for all machines. */
    private static final int TICKS = 100;

    private static final long NANOS_OF_TICK = 1_000_000_000L / TICKS;
    private static final int LONGEST = 4096;

    private ProcessTable() {}

    /** What /proc says of one. */
    private record Seen(
            int pid, int ppid, int containerPid, long uid, char state, long cpu, long started, String command) {}

    /**
     * @param pids those that are gone meanwhile are left out
     * @param first whose root file system names the users
     */
    static List<ContainerProcess> read(Collection<Integer> pids, int first) {
        var seen = new ArrayList<Seen>();
        for (var pid : pids) {
            look(pid).ifPresent(seen::add);
        }
        seen.sort(Comparator.comparingLong(Seen::started).thenComparingInt(Seen::pid));
        var names = names(first);
        var now = now();
        return seen.stream()
                .map(process -> new ContainerProcess(
                        process.pid(),
                        process.ppid(),
                        process.containerPid(),
                        names.getOrDefault(process.uid(), String.valueOf(process.uid())),
                        process.state(),
                        percent(process, now),
                        Duration.ofNanos(process.cpu() * NANOS_OF_TICK),
                        process.command()))
                .toList();
    }

    /** Those in a process's own PID namespace, without those further down or ended; none if it has ended itself. */
    static List<Integer> inNamespaceOf(int pid) {
        var found = new ArrayList<Integer>();
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            var namespace = Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/pid"));
            for (var process : processes) {
                var number = Integer.parseInt(process.getFileName().toString());
                if (isIn(process, namespace) && parentIfAlive(number).isPresent()) {
                    found.add(number);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        return found;
    }

    /** Children of a process, their children and so on, as far as they have not ended. */
    static List<Integer> descendants(int pid) {
        var children = new HashMap<Integer, List<Integer>>();
        try (var processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (var process : processes) {
                var number = Integer.parseInt(process.getFileName().toString());
                parentIfAlive(number)
                        .ifPresent(parent -> children.computeIfAbsent(parent, key -> new ArrayList<>())
                                .add(number));
            }
        } catch (IOException | DirectoryIteratorException e) {
            return List.of();
        }
        var found = new ArrayList<>(children.getOrDefault(pid, List.of()));
        for (var i = 0; i < found.size(); i++) {
            found.addAll(children.getOrDefault(found.get(i), List.of()));
        }
        return found;
    }

    private static Optional<Integer> parentIfAlive(int pid) {
        try {
            var stat = text(pid, "stat");
            var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", 3);
            return fields[0].equals("Z") ? Optional.empty() : Optional.of(Integer.parseInt(fields[1]));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static boolean isIn(Path process, Path namespace) {
        try {
            return Files.readSymbolicLink(process.resolve("ns/pid")).equals(namespace);
        } catch (IOException e) {
            return false; // gone meanwhile, or another user's
        }
    }

    private static double percent(Seen process, long now) {
        var alive = Math.max(1, now - process.started());
        return Math.round(1000.0 * process.cpu() / alive) / 10.0;
    }

    /** Ticks since the host's start. */
    private static long now() {
        var uptime = Host.read(Path.of("/proc/uptime"));
        return (long) (Double.parseDouble(uptime.substring(0, uptime.indexOf(' '))) * TICKS);
    }

    private static Map<Long, String> names(int pid) {
        var names = new HashMap<Long, String>();
        try {
            for (var user : RunningRoot.accounts(pid).users()) {
                names.putIfAbsent((long) user.uid(), user.name());
            }
        } catch (EngineException e) {
            return Map.of(); // gone, or no file to be read: numbers tell as much
        }
        return names;
    }

    private static Optional<Seen> look(int pid) {
        try {
            var stat = text(pid, "stat");
            // the name may hold anything, blanks and parentheses too
            var end = stat.lastIndexOf(')');
            var fields = stat.substring(end + 2).split(" ", -1);
            var status = text(pid, "status");
            var inside = field(status, "NSpid:");
            var command = text(pid, "cmdline").replace('\0', ' ').strip();
            return Optional.of(new Seen(
                    pid,
                    Integer.parseInt(fields[1]),
                    Integer.parseInt(inside.substring(inside.lastIndexOf('\t') + 1)),
                    FileCalls.userInside(Long.parseLong(field(status, "Uid:").split("\t", 2)[0])),
                    fields[0].charAt(0),
                    Long.parseLong(fields[11]) + Long.parseLong(fields[12]),
                    Long.parseLong(fields[19]),
                    command.isEmpty() ? "[" + stat.substring(stat.indexOf('(') + 1, end) + "]" : command));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static String field(String status, String name) {
        var at = status.indexOf("\n" + name) + 1 + name.length();
        return status.substring(at, status.indexOf('\n', at)).strip();
    }

    private static String text(int pid, String file) throws IOException {
        try (var in = Files.newInputStream(Path.of("/proc/" + pid, file))) {
            return new String(in.readNBytes(LONGEST), StandardCharsets.UTF_8);
        }
    }
}
