package dev.cais.runtime.cgroup;

import dev.cais.InvalidSpecException;
import dev.cais.IoLimit;
import dev.cais.NotFoundException;
import dev.cais.Resources;
import dev.cais.linux.Abi;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * What one limit comes to: a value of a control file.
 *
 * @param what is limited, in the words of Docker, with the limit
 * @param key what tells the settings of one file apart, as a device; empty for a file with one value
 * @param choices the file with its values; behind it others that kernels may have in its place
 * @param implied whether nobody asked for it: it goes with another limit
 */
record Setting(Controller controller, String what, String key, List<Choice> choices, boolean implied) {
    /** @param usual the value without a limit */
    record Choice(String file, String value, String usual) {}

    /** cpu.cfs_period_us, the kernel's default. */
    static final long PERIOD_MICROS = 100_000;

    private static final String NONE = "-1";
    private static final String MAX = "max";
    private static final String SWAP = "memory and swap";
    private static final int USUAL_SHARES = 1024;
    private static final int USUAL_WEIGHT = 100;
    private static final int USUAL_SWAPPINESS = 60;

    private static Setting of(Controller controller, String what, String file, Object value, Object usual) {
        var choice = new Choice(file, String.valueOf(value), String.valueOf(usual));
        return new Setting(controller, what, "", List.of(choice), false);
    }

    boolean isUsual() {
        var first = choices.get(0);
        return first.value().equals(first.usual());
    }

    /** Whether both are of one file and key. */
    boolean isOfSamePlace(Setting other) {
        return choices.get(0).file().equals(other.choices.get(0).file()) && key.equals(other.key);
    }

    /** What takes the limit away again. */
    Setting lifted() {
        var lifted = choices.stream()
                .map(choice -> new Choice(choice.file(), choice.usual(), choice.usual()))
                .toList();
        return new Setting(controller, what, key, lifted, implied);
    }

    /**
     * All that resources come to, those without a limit included, in the order to write them.
     *
     * @param onV1 the controllers that are on v1
     */
    static List<Setting> all(Resources resources, Set<Controller> onV1) {
        var settings = new ArrayList<Setting>();
        memory(settings, resources, onV1.contains(Controller.MEMORY));
        processors(settings, resources, onV1.contains(Controller.CPU));
        settings.add(of(
                Controller.PIDS,
                "processes " + resources.pids(),
                "pids.max",
                resources.pids() == 0 ? MAX : resources.pids(),
                MAX));
        io(settings, resources, onV1.contains(Controller.IO));
        return settings;
    }

    private static void memory(List<Setting> settings, Resources resources, boolean v1) {
        var none = v1 ? NONE : MAX;
        var memory = resources.memory();
        settings.add(of(
                Controller.MEMORY,
                "memory " + memory,
                v1 ? "memory.limit_in_bytes" : "memory.max",
                memory.isUnlimited() ? none : memory.bytes(),
                none));
        var both = resources.memorySwap().orElse(memory);
        var swap = new Choice(
                v1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
                both.isUnlimited() ? none : String.valueOf(v1 ? both.bytes() : both.bytes() - memory.bytes()),
                none);
        settings.add(new Setting(
                Controller.MEMORY,
                SWAP + " " + both,
                "",
                List.of(swap),
                resources.memorySwap().isEmpty()));
        var reservation = resources.memoryReservation();
        var unreserved = v1 ? NONE : "0";
        settings.add(of(
                Controller.MEMORY,
                "memory reservation " + reservation,
                v1 ? "memory.soft_limit_in_bytes" : "memory.low",
                reservation.bytes() == 0 ? unreserved : reservation.bytes(),
                unreserved));
        resources
                .swappiness()
                .ifPresent(value -> settings.add(
                        of(Controller.MEMORY, "swappiness " + value, "memory.swappiness", value, USUAL_SWAPPINESS)));
    }

    boolean isSwap() {
        return what.startsWith(SWAP);
    }

    private static void processors(List<Setting> settings, Resources resources, boolean v1) {
        var quota =
                resources.cpus() == 0 ? v1 ? NONE : MAX : String.valueOf(Math.round(resources.cpus() * PERIOD_MICROS));
        settings.add(
                v1
                        ? of(Controller.CPU, "cpus " + resources.cpus(), "cpu.cfs_quota_us", quota, NONE)
                        : of(
                                Controller.CPU,
                                "cpus " + resources.cpus(),
                                "cpu.max",
                                quota + " " + PERIOD_MICROS,
                                MAX + " " + PERIOD_MICROS));
        var shares = resources.cpuShares();
        settings.add(
                v1
                        ? of(
                                Controller.CPU,
                                "CPU shares " + shares,
                                "cpu.shares",
                                shares == 0 ? USUAL_SHARES : shares,
                                USUAL_SHARES)
                        : of(
                                Controller.CPU,
                                "CPU shares " + shares,
                                "cpu.weight",
                                shares == 0 ? USUAL_WEIGHT : weight(shares),
                                USUAL_WEIGHT));
        // an empty set stands for that of the group above
        settings.add(of(
                Controller.CPUSET,
                "memory nodes " + resources.memoryNodes(),
                "cpuset.mems",
                resources.memoryNodes(),
                ""));
        settings.add(of(Controller.CPUSET, "cpuset " + resources.cpuset(), "cpuset.cpus", resources.cpuset(), ""));
    }

    /**
     * CPU shares of v1 as a weight of v2: 2, 1024 and 262144 become 1, 100 and 10000, and what is between lies on a parabola of
     * logarithms through them.
     *
     * @see <a href="https://github.com/opencontainers/cgroups/pull/20">as runc has it since 1.3.2</a>
     */
    static long weight(long shares) {
        var l = Math.log((double) shares) / Math.log(2);
        return shares <= 2
                ? 1
                : Math.min(10_000, (long) Math.ceil(Math.pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0)));
    }

    private static void io(List<Setting> settings, Resources resources, boolean v1) {
        var weight = resources.ioWeight();
        var choices = v1
                ? List.of(weight("blkio.bfq.weight", weight, 100), weight("blkio.weight", weight, 500))
                : List.of(
                        weight("io.bfq.weight", weight, 100),
                        // 10 to 1000 become 1 to 10000
                        new Choice(
                                "io.weight",
                                "default " + (weight == 0 ? 100 : 1 + (weight - 10) * 9999 / 990),
                                "default 100"));
        settings.add(new Setting(Controller.IO, "I/O weight " + weight, "", choices, false));
        for (var limit : resources.ioLimits()) {
            var device = blockDevice(limit);
            var choice = v1
                    ? new Choice(fileOnV1(limit.kind()), device + " " + limit.perSecond(), device + " 0")
                    : new Choice(
                            "io.max",
                            device + " " + nameOnV2(limit.kind()) + "=" + limit.perSecond(),
                            device + " " + nameOnV2(limit.kind()) + "=max");
            settings.add(new Setting(
                    Controller.IO,
                    limit.kind().name().toLowerCase(Locale.ROOT).replace('_', ' ') + " limit of " + limit.device(),
                    device + " " + limit.kind(),
                    List.of(choice),
                    false));
        }
    }

    private static Choice weight(String file, int weight, int usual) {
        return new Choice(file, String.valueOf(weight == 0 ? usual : weight), String.valueOf(usual));
    }

    private static String fileOnV1(IoLimit.Kind kind) {
        return switch (kind) {
            case READ_BYTES -> "blkio.throttle.read_bps_device";
            case WRITE_BYTES -> "blkio.throttle.write_bps_device";
            case READ_OPERATIONS -> "blkio.throttle.read_iops_device";
            case WRITE_OPERATIONS -> "blkio.throttle.write_iops_device";
        };
    }

    private static String nameOnV2(IoLimit.Kind kind) {
        return switch (kind) {
            case READ_BYTES -> "rbps";
            case WRITE_BYTES -> "wbps";
            case READ_OPERATIONS -> "riops";
            case WRITE_OPERATIONS -> "wiops";
        };
    }

    /** Major and minor number, with a colon. */
    private static String blockDevice(IoLimit limit) {
        try {
            var attributes = Files.readAttributes(Path.of(limit.device()), "unix:mode,rdev");
            var mode = ((Number) Objects.requireNonNull(attributes.get("mode"))).intValue();
            var device = ((Number) Objects.requireNonNull(attributes.get("rdev"))).longValue();
            if ((mode & Abi.S_IFMT) != Abi.S_IFBLK) {
                throw new InvalidSpecException(
                        "cannot limit I/O of " + limit.device() + ": it is no block device", "name a disk");
            }
            return Abi.major(device) + ":" + Abi.minor(device);
        } catch (IOException e) {
            throw new NotFoundException(
                    "cannot limit I/O of " + limit.device() + ": the host has no such device",
                    Map.of(),
                    "see lsblk for what it has",
                    e);
        }
    }
}
