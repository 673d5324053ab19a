package dev.cais;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * What a container may use of the machine, all processes together. The methods return changed copies.
 *
 * @param memory most bytes of memory
 * @param memoryReservation bytes that are left to it when others need memory; 0 for none
 * @param memorySwap most bytes of memory and swap together; empty for as much as {@code memory}, which is no swap
 * @param swappiness 0 to 100; cgroup v1 only
 * @param cpus processors' worth of time, as {@code 0.5}; 0 for no limit
 * @param cpuShares weight beside others when processors are busy, 2 to 262144, as cgroup v1 counts: 1024 is usual; 0 for that
 * @param cpuset processors it may run on, as {@code 0-2,5}; empty for all
 * @param memoryNodes memory nodes it may use, in the same form; empty for all
 * @param pids number of processes and threads; 0 for no limit
 * @param ioWeight of its block I/O beside others', 10 to 1000; 0 for the usual 500
 * @param ioLimits for single devices
 */
public record Resources(
        ByteSize memory,
        ByteSize memoryReservation,
        Optional<ByteSize> memorySwap,
        OptionalInt swappiness,
        double cpus,
        long cpuShares,
        String cpuset,
        String memoryNodes,
        long pids,
        int ioWeight,
        List<IoLimit> ioLimits) {
    private static final Pattern LIST = Pattern.compile("([0-9]{1,5}(-[0-9]{1,5})?)(,[0-9]{1,5}(-[0-9]{1,5})?)*|");

    /** No limits. */
    public static final Resources UNLIMITED = new Resources(
            ByteSize.UNLIMITED,
            ByteSize.bytes(0),
            Optional.empty(),
            OptionalInt.empty(),
            0,
            0,
            "",
            "",
            0,
            0,
            List.of());

    public Resources {
        if (!(cpus >= 0 && cpus < 1_000_000) || (cpus > 0 && cpus < 0.01)) {
            throw new InvalidSpecException("cannot limit processors to " + cpus + ": the least is 0.01");
        }
        if (pids < 0) {
            throw new InvalidSpecException("cannot limit processes to " + pids + ": it is negative");
        }
        if (memory.compareTo(ByteSize.mib(1)) < 0) {
            throw new InvalidSpecException("cannot limit memory to " + memory + ": the least is 1 MiB");
        }
        if (memoryReservation.compareTo(memory) > 0) {
            throw new InvalidSpecException(
                    "cannot reserve " + memoryReservation + " of memory: the limit is " + memory);
        }
        if (memorySwap.isPresent() && memorySwap.get().compareTo(memory) < 0) {
            throw new InvalidSpecException("cannot limit memory and swap to " + memorySwap.get()
                    + ": that is less than memory alone, " + memory);
        }
        if (swappiness.isPresent() && (swappiness.getAsInt() < 0 || swappiness.getAsInt() > 100)) {
            throw new InvalidSpecException(
                    "cannot set swappiness " + swappiness.getAsInt() + ": it is a number from 0 to 100");
        }
        if (cpuShares != 0 && (cpuShares < 2 || cpuShares > 262144)) {
            throw new InvalidSpecException("cannot set CPU shares " + cpuShares + ": it is a number from 2 to 262144");
        }
        if (ioWeight != 0 && (ioWeight < 10 || ioWeight > 1000)) {
            throw new InvalidSpecException("cannot set I/O weight " + ioWeight + ": it is a number from 10 to 1000");
        }
        for (var list : List.of(cpuset, memoryNodes)) {
            if (!LIST.matcher(list).matches()) {
                throw new InvalidSpecException("cannot use the set '" + list + "': it is written as in 0-2,5");
            }
        }
        ioLimits = List.copyOf(ioLimits);
    }

    public Resources memory(ByteSize changed) {
        return with(draft -> draft.memory = changed);
    }

    public Resources memoryReservation(ByteSize changed) {
        return with(draft -> draft.memoryReservation = changed);
    }

    public Resources memorySwap(ByteSize changed) {
        return with(draft -> draft.memorySwap = Optional.of(changed));
    }

    public Resources swappiness(int changed) {
        return with(draft -> draft.swappiness = OptionalInt.of(changed));
    }

    public Resources cpus(double changed) {
        return with(draft -> draft.cpus = changed);
    }

    public Resources cpuShares(long changed) {
        return with(draft -> draft.cpuShares = changed);
    }

    public Resources cpuset(String changed) {
        return with(draft -> draft.cpuset = changed);
    }

    public Resources memoryNodes(String changed) {
        return with(draft -> draft.memoryNodes = changed);
    }

    public Resources pids(long changed) {
        return with(draft -> draft.pids = changed);
    }

    public Resources ioWeight(int changed) {
        return with(draft -> draft.ioWeight = changed);
    }

    public Resources ioLimit(IoLimit limit) {
        var more = new ArrayList<>(ioLimits);
        more.add(limit);
        return with(draft -> draft.ioLimits = more);
    }

    private Resources with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private ByteSize memory;
        private ByteSize memoryReservation;
        private Optional<ByteSize> memorySwap;
        private OptionalInt swappiness;
        private double cpus;
        private long cpuShares;
        private String cpuset;
        private String memoryNodes;
        private long pids;
        private int ioWeight;
        private List<IoLimit> ioLimits;

        Draft(Resources base) {
            memory = base.memory;
            memoryReservation = base.memoryReservation;
            memorySwap = base.memorySwap;
            swappiness = base.swappiness;
            cpus = base.cpus;
            cpuShares = base.cpuShares;
            cpuset = base.cpuset;
            memoryNodes = base.memoryNodes;
            pids = base.pids;
            ioWeight = base.ioWeight;
            ioLimits = base.ioLimits;
        }

        Resources build() {
            return new Resources(
                    memory,
                    memoryReservation,
                    memorySwap,
                    swappiness,
                    cpus,
                    cpuShares,
                    cpuset,
                    memoryNodes,
                    pids,
                    ioWeight,
                    ioLimits);
        }
    }
}
