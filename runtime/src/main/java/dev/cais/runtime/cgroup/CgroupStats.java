package dev.cais.runtime.cgroup;

import dev.cais.ByteSize;
import dev.cais.KernelException;
import dev.cais.Stats;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Figures;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Reads what a container's group counts: three system calls a file, relative to a directory that is opened for the moment, so that no
 * descriptor is kept for a container. One reader measures many containers, one after the other; it belongs to one thread.
 *
 * @see <a href="https://docs.kernel.org/admin-guide/cgroup-v2.html#controllers">Linux, Control Group v2, Controllers</a>
 */
public final class CgroupStats {
    private final Figures figures = new Figures();

    /** What is read in one go while the directories are open. */
    public record Measurement(
            Stats.Cpu cpu,
            Stats.Memory memory,
            Stats.Pids pids,
            Optional<Stats.Io> io,
            Optional<Stats.Pressure> pressure) {}

    /**
     * Measures a group.
     *
     * @throws UnsupportedHostException if the host has no controller that counts memory or processor time for us
     * @throws KernelException {@code ENOENT} if the group is gone
     */
    public Measurement measure(Cgroup cgroup) {
        try (var places = new Places(cgroup)) {
            return new Measurement(
                    cpu(cgroup, places), memory(cgroup, places), pids(cgroup, places), io(places), pressure(places));
        }
    }

    /** The directories of one group, each opened when it is first asked for. */
    private static final class Places implements AutoCloseable {
        private final Cgroup cgroup;
        private final Map<Path, Fd> open = new LinkedHashMap<>(8);

        Places(Cgroup cgroup) {
            this.cgroup = cgroup;
        }

        /** The group's directory for a controller on v1. */
        Optional<Fd> v1(Controller controller) {
            return cgroup.placeOnV1(controller).map(this::open);
        }

        /** The group's directory in v2's tree, whether or not the controllers are there. */
        Optional<Fd> unified() {
            return cgroup.directory().map(this::open);
        }

        /** The same, if the controller is there. */
        Optional<Fd> unified(Controller controller) {
            return cgroup.isOnV2(controller) ? unified() : Optional.empty();
        }

        private Fd open(Path directory) {
            return open.computeIfAbsent(directory, path -> {
                try (var scratch = Scratch.frame()) {
                    return Fd.of(Syscalls.checked(
                            "cannot measure " + cgroup.id(),
                            Syscall.OPENAT,
                            Syscalls.call(
                                    Syscall.OPENAT,
                                    Abi.AT_FDCWD,
                                    scratch.path(path.toString()),
                                    Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC)));
                }
            });
        }

        @Override
        public void close() {
            open.values().forEach(Fd::close);
        }
    }

    private Stats.Cpu cpu(Cgroup cgroup, Places places) {
        var unified = places.unified();
        var v1 = places.v1(Controller.CPU);
        if (unified.isPresent()) {
            require(cgroup, unified.get(), "cpu.stat");
            var total = micros("usage_usec");
            var user = micros("user_usec");
            var system = micros("system_usec");
            var throttling = v1.isPresent()
                    ? throttlingOnV1(v1.get())
                    : new Stats.Throttling(
                            figures.field("nr_periods"), figures.field("nr_throttled"), micros("throttled_usec"));
            return new Stats.Cpu(total, user, system, throttling);
        }
        var accounting = places.v1(Controller.CPUACCT)
                .orElseThrow(() -> cgroup.lacks("cannot measure processor time", Controller.CPUACCT));
        require(cgroup, accounting, "cpuacct.usage");
        var total = Duration.ofNanos(figures.number());
        require(cgroup, accounting, "cpuacct.usage_user");
        var userTicks = figures.number();
        require(cgroup, accounting, "cpuacct.usage_sys");
        var allTicks = userTicks + figures.number();
        // the total is exact, its parts are counted in ticks: shared out as the kernel does it on v2
        var user = allTicks == 0 ? total : Duration.ofNanos((long) ((double) total.toNanos() * userTicks / allTicks));
        return new Stats.Cpu(
                total, user, total.minus(user), v1.map(this::throttlingOnV1).orElse(Stats.Throttling.NONE));
    }

    private Stats.Throttling throttlingOnV1(Fd place) {
        return figures.read(place, "cpu.stat")
                ? new Stats.Throttling(
                        figures.field("nr_periods"),
                        figures.field("nr_throttled"),
                        Duration.ofNanos(figures.field("throttled_time")))
                : Stats.Throttling.NONE;
    }

    private Duration micros(String field) {
        return Duration.ofNanos(1000 * figures.field(field));
    }

    private Stats.Memory memory(Cgroup cgroup, Places places) {
        var v1 = places.v1(Controller.MEMORY);
        if (v1.isPresent()) {
            return memoryOnV1(cgroup, v1.get());
        }
        var place = places.unified(Controller.MEMORY)
                .orElseThrow(() -> cgroup.lacks("cannot measure memory", Controller.MEMORY));
        require(cgroup, place, "memory.current");
        var used = figures.number();
        require(cgroup, place, "memory.stat");
        var cache = figures.field("file");
        var bytes = Math.max(0, used - figures.field("inactive_file"));
        var limit = number(place, "memory.max");
        var peak = number(place, "memory.peak");
        var swap = number(place, "memory.swap.current");
        require(cgroup, place, "memory.events");
        return new Stats.Memory(bytes, cache, size(limit), peak, swap, figures.field("max"), figures.field("oom_kill"));
    }

    private Stats.Memory memoryOnV1(Cgroup cgroup, Fd place) {
        require(cgroup, place, "memory.usage_in_bytes");
        var used = figures.number();
        require(cgroup, place, "memory.stat");
        var cache = figures.field("total_cache");
        var bytes = Math.max(0, used - figures.field("total_inactive_file"));
        // the smaller of this group's and those above; unlimited is the most pages that a long holds
        var limit = figures.field("hierarchical_memory_limit");
        var swap = figures.has("total_swap") ? OptionalLong.of(figures.field("total_swap")) : OptionalLong.empty();
        var peak = number(place, "memory.max_usage_in_bytes");
        // where both limits are the same, the one with swap is reached first
        var hits = number(place, "memory.failcnt").orElse(0)
                + number(place, "memory.memsw.failcnt").orElse(0);
        require(cgroup, place, "memory.oom_control");
        return new Stats.Memory(
                bytes, cache, size(OptionalLong.of(limit)), peak, swap, hits, figures.field("oom_kill"));
    }

    /** On v1 no limit reads as the highest multiple of the page size. */
    private static ByteSize size(OptionalLong limit) {
        return limit.isEmpty() || limit.getAsLong() >= Long.MAX_VALUE - (1 << 20)
                ? ByteSize.UNLIMITED
                : ByteSize.bytes(limit.getAsLong());
    }

    private Stats.Pids pids(Cgroup cgroup, Places places) {
        var place = places.v1(Controller.PIDS).or(() -> places.unified(Controller.PIDS));
        if (place.isPresent()) {
            require(cgroup, place.get(), "pids.current");
            var current = figures.number();
            var limit = number(place.get(), "pids.max");
            return new Stats.Pids(
                    current, limit.isPresent() && limit.getAsLong() == Long.MAX_VALUE ? OptionalLong.empty() : limit);
        }
        var threads = places.unified();
        if (threads.isPresent()) {
            require(cgroup, threads.get(), "cgroup.stat");
            if (figures.field("nr_descendants") > 0) {
                return new Stats.Pids(cgroup.threads(), OptionalLong.empty());
            }
            require(cgroup, threads.get(), "cgroup.threads");
        } else {
            var any = places.v1(Controller.MEMORY)
                    .or(() -> places.v1(Controller.CPUACCT))
                    .orElseThrow(() -> cgroup.lacks("cannot count processes", Controller.PIDS));
            require(cgroup, any, "tasks");
        }
        return new Stats.Pids(figures.lines(), OptionalLong.empty());
    }

    private Optional<Stats.Io> io(Places places) {
        var v1 = places.v1(Controller.IO);
        if (v1.isPresent()) {
            return ioOnV1(v1.get());
        }
        var place = places.unified(Controller.IO);
        return place.isPresent() && figures.read(place.get(), "io.stat")
                ? Optional.of(new Stats.Io(devices()))
                : Optional.empty();
    }

    /** Lines as {@code 8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=0 dios=0}. */
    private List<Stats.Device> devices() {
        var devices = new ArrayList<Stats.Device>(2);
        if (figures.lines() == 0) {
            return devices;
        }
        figures.rewind();
        do {
            var device = figures.nextWord(' ');
            var counted = new long[4];
            for (var key = figures.nextWord('='); !key.isEmpty(); key = figures.nextWord('=')) {
                var value = figures.nextNumber();
                switch (key) {
                    case "rbytes" -> counted[0] = value;
                    case "wbytes" -> counted[1] = value;
                    case "rios" -> counted[2] = value;
                    case "wios" -> counted[3] = value;
                    default -> {
                        // discards, and what later kernels add
                    }
                }
            }
            devices.add(new Stats.Device(device, counted[0], counted[1], counted[2], counted[3]));
        } while (figures.nextLine());
        return devices;
    }

    private Optional<Stats.Io> ioOnV1(Fd place) {
        var counted = new LinkedHashMap<String, long[]>(2);
        if (!countOnV1(place, "blkio.throttle.io_service_bytes_recursive", 0, counted)) {
            return Optional.empty();
        }
        if (!counted.isEmpty()) {
            countOnV1(place, "blkio.throttle.io_serviced_recursive", 2, counted);
        }
        var devices = new ArrayList<Stats.Device>(counted.size());
        counted.forEach((device, each) -> devices.add(new Stats.Device(device, each[0], each[1], each[2], each[3])));
        return Optional.of(new Stats.Io(devices));
    }

    /** Lines as {@code 8:0 Read 90430464}, some for each device; the last one is the total of all. */
    private boolean countOnV1(Fd place, String file, int first, Map<String, long[]> counted) {
        if (!figures.read(place, file)) {
            return false;
        }
        figures.rewind();
        do {
            var device = figures.nextWord(' ');
            var direction = figures.nextWord(' ');
            if (direction.equals("Read") || direction.equals("Write")) {
                counted.computeIfAbsent(device, any -> new long[4])[first + (direction.equals("Read") ? 0 : 1)] =
                        figures.nextNumber();
            }
        } while (figures.nextLine());
        return true;
    }

    private Optional<Stats.Pressure> pressure(Places places) {
        var place = places.unified();
        if (place.isEmpty() || !figures.read(place.get(), "cpu.pressure")) {
            return Optional.empty();
        }
        var cpu = stall();
        if (!figures.read(place.get(), "memory.pressure")) {
            return Optional.empty();
        }
        var memory = stall();
        return figures.read(place.get(), "io.pressure")
                ? Optional.of(new Stats.Pressure(cpu, memory, stall()))
                : Optional.empty();
    }

    /** Lines as {@code some avg10=1.81 avg60=2.65 avg300=9.83 total=4785710101}, microseconds. */
    private Stats.Stall stall() {
        var some = Stats.Share.NONE;
        var full = Stats.Share.NONE;
        figures.rewind();
        do {
            var kind = figures.nextWord(' ');
            if (kind.equals("some")) {
                some = share();
            } else if (kind.equals("full")) {
                full = share();
            }
        } while (figures.nextLine());
        return new Stats.Stall(some, full);
    }

    private Stats.Share share() {
        var averages = new double[3];
        for (var i = 0; i < averages.length; i++) {
            figures.nextWord('=');
            averages[i] = figures.nextNumber();
            if (figures.skip('.')) {
                averages[i] += figures.nextNumber() / 100.0; // always two digits
            }
        }
        figures.nextWord('=');
        return new Stats.Share(averages[0], averages[1], averages[2], Duration.ofNanos(1000 * figures.nextNumber()));
    }

    private OptionalLong number(Fd place, String file) {
        return figures.read(place, file) ? OptionalLong.of(figures.number()) : OptionalLong.empty();
    }

    private void require(Cgroup cgroup, Fd place, String file) {
        if (!figures.read(place, file)) {
            throw Errno.ENOENT.exception("cannot measure " + cgroup.id(), Syscall.OPENAT, Map.of("file", file), "");
        }
    }
}
