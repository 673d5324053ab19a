package dev.cais;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * One measurement of a container's use. Counters count from the container's start; their differences between two measurements
 * are rates. What this host does not count is empty, never zero.
 *
 * <p>Where a plain user's containers have no control groups, their processes' own figures are summed up: memory without page cache
 * and with shared memory at each that uses it, and no processor time of ended processes that nobody in the container has waited for.
 *
 * @param time when it was measured
 * @param io empty where no controller counts it. On cgroup v1, the kernel does not count what it writes back later, and since Linux
 *     6.10 only disks that somebody has set a limit for
 * @param networks interfaces of the container's own network namespace, loopback too; empty if it has none of its own
 * @param pressure empty where the kernel does not tell (PSI off, or cgroup v1 alone)
 */
public record Stats(
        Instant time,
        Cpu cpu,
        Memory memory,
        Pids pids,
        Optional<Io> io,
        List<Network> networks,
        Optional<Pressure> pressure) {
    public Stats {
        networks = List.copyOf(networks);
    }

    /**
     * Processor time used between two measurements, in percent of one processor, as {@code docker stats} shows it: 200 is two
     * processors all the time.
     *
     * @param earlier measurement of the same container; 0 is the answer if no time lies between
     */
    public double cpuPercentSince(Stats earlier) {
        var elapsed = Duration.between(earlier.time, time);
        return elapsed.isNegative() || elapsed.isZero()
                ? 0
                : 100.0 * cpu.total.minus(earlier.cpu.total).toNanos() / elapsed.toNanos();
    }

    /**
     * Processor time, ended processes included.
     *
     * @param total on all processors, kernel and user
     */
    public record Cpu(Duration total, Duration user, Duration system, Throttling throttling) {}

    /**
     * How the limit on processors was felt; zeros without one.
     *
     * @param periods of 100 ms in which the container wanted to run
     * @param throttledPeriods those in which it was stopped for having used its share
     * @param throttledTime for how long, each processor by itself
     */
    public record Throttling(long periods, long throttledPeriods, Duration throttledTime) {
        /** Of a container without a limit. */
        public static final Throttling NONE = new Throttling(0, 0, Duration.ZERO);
    }

    /**
     * @param bytes in use, without page cache that the kernel can drop at once (as {@code docker stats} shows it)
     * @param cache bytes of page cache
     * @param limit or {@link ByteSize#UNLIMITED}
     * @param peak most bytes ever in use, page cache included; on cgroup v2 since Linux 5.19
     * @param swap bytes on swap space, where the kernel counts them
     * @param limitHits how often the limit was reached, and page cache was dropped or something killed; on cgroup v1 since Linux
     *     6.15 the kernel does not count all
     * @param oomKills how many processes the kernel killed for want of memory
     */
    public record Memory(
            long bytes,
            long cache,
            ByteSize limit,
            OptionalLong peak,
            OptionalLong swap,
            long limitHits,
            long oomKills) {}

    /**
     * @param current processes and threads now
     * @param limit empty for none
     */
    public record Pids(long current, OptionalLong limit) {}

    /** What reached block devices, also what the kernel wrote back from page cache later. */
    public record Io(List<Device> devices) {
        public Io {
            devices = List.copyOf(devices);
        }

        public long readBytes() {
            return devices.stream().mapToLong(Device::readBytes).sum();
        }

        public long writtenBytes() {
            return devices.stream().mapToLong(Device::writtenBytes).sum();
        }
    }

    /**
     * @param device {@code major:minor}, as {@code lsblk} shows it
     * @param reads operations
     * @param writes operations
     */
    public record Device(String device, long readBytes, long writtenBytes, long reads, long writes) {}

    /**
     * One network interface.
     *
     * @param name as {@code eth0}
     */
    public record Network(String name, Traffic received, Traffic sent) {}

    /** One direction of an interface. */
    public record Traffic(long bytes, long packets, long errors, long dropped) {}

    /**
     * How much work waited for want of something.
     *
     * @see <a href="https://docs.kernel.org/accounting/psi.html">Linux, PSI - Pressure Stall Information</a>
     */
    public record Pressure(Stall cpu, Stall memory, Stall io) {}

    /**
     * @param some at least one process waited
     * @param full all that were not idle waited
     */
    public record Stall(Share some, Share full) {}

    /**
     * @param avg10 percent of the last 10 seconds; likewise 60 and 300
     * @param total time since the start
     */
    public record Share(double avg10, double avg60, double avg300, Duration total) {
        public static final Share NONE = new Share(0, 0, 0, Duration.ZERO);
    }
}
