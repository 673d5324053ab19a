package dev.cais.runtime;

import dev.cais.ByteSize;
import dev.cais.Stats;
import dev.cais.runtime.cgroup.CgroupStats;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What the processes of a container without a control group have, as /proc tells of each: memory of their own and shared memory, the
 * latter at each that has it mapped; processor time of those that are there and of those that one of them has waited for.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html">proc_pid_stat(5)</a>
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_status.5.html">proc_pid_status(5)</a>
 */
final class ProcessSums {
    private static final long NANOS_OF_TICK = 10_000_000;
    /** Fields behind the name in parentheses. */
    private static final int UTIME = 11;

    private static final int STIME = 12;
    private static final int CUTIME = 13;
    private static final int CSTIME = 14;

    private long user;
    private long system;
    private long bytes;
    private long swap;
    private long threads;

    private ProcessSums() {}

    /** @param pid of the container's first process */
    static CgroupStats.Measurement measure(int pid) {
        var sums = new ProcessSums();
        ProcessTable.inNamespaceOf(pid).forEach(sums::add);
        var user = Duration.ofNanos(sums.user * NANOS_OF_TICK);
        var system = Duration.ofNanos(sums.system * NANOS_OF_TICK);
        return new CgroupStats.Measurement(
                new Stats.Cpu(user.plus(system), user, system, Stats.Throttling.NONE),
                new Stats.Memory(
                        sums.bytes, 0, ByteSize.UNLIMITED, OptionalLong.empty(), OptionalLong.of(sums.swap), 0, 0),
                new Stats.Pids(sums.threads, OptionalLong.empty()),
                Optional.empty(),
                Optional.empty());
    }

    private void add(int pid) {
        try {
            var stat = text(pid, "stat");
            var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            var status = text(pid, "status");
            user += Long.parseLong(fields[UTIME]) + Long.parseLong(fields[CUTIME]);
            system += Long.parseLong(fields[STIME]) + Long.parseLong(fields[CSTIME]);
            bytes += kibibytes(status, "RssAnon:") + kibibytes(status, "RssShmem:");
            swap += kibibytes(status, "VmSwap:");
            threads += number(status, "Threads:");
        } catch (IOException e) {
            // it has ended
        }
    }

    private static long kibibytes(String status, String name) {
        return number(status, name) << 10;
    }

    /** 0 for what a process without memory does not have. */
    private static long number(String status, String name) {
        var at = status.indexOf("\n" + name);
        return at < 0
                ? 0
                : Long.parseLong(status.substring(at + 1 + name.length(), status.indexOf('\n', at + 1))
                        .replace("kB", "")
                        .strip());
    }

    private static String text(int pid, String file) throws IOException {
        return Files.readString(Path.of("/proc/" + pid, file), StandardCharsets.ISO_8859_1);
    }
}
