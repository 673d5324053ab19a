package dev.cais.runtime;

import dev.cais.Stats;
import dev.cais.linux.Figures;
import dev.cais.runtime.cgroup.Cgroup;
import dev.cais.runtime.cgroup.CgroupStats;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * Measures containers, one after the other: what their groups count (or their processes have, where there are no groups), and the traffic of their network namespaces. Keeps nothing open.
 * Belongs to one thread.
 */
final class Measuring {
    /** Fields behind the bytes of one direction that are of no interest: fifo, frame, compressed, multicast; likewise when sent. */
    private static final int OTHER_FIELDS = 4;

    private final CgroupStats groups = new CgroupStats();
    private final Figures figures = new Figures();

    /**
     * Measures one.
     *
     * @param pid of a process in the container
     * @param ownNetwork whether it has a network namespace of its own
     */
    Stats measure(Cgroup cgroup, int pid, boolean ownNetwork) {
        var time = Instant.now();
        var counted = cgroup.isThere() ? groups.measure(cgroup) : ProcessSums.measure(pid);
        return new Stats(
                time,
                counted.cpu(),
                counted.memory(),
                counted.pids(),
                counted.io(),
                ownNetwork ? networks(pid) : List.of(),
                counted.pressure());
    }

    /**
     * Two lines of headings, then {@code lo: 3683087 29755 0 …}.
     *
     * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_net.5.html">proc_pid_net(5), dev</a>
     */
    private List<Stats.Network> networks(int pid) {
        var networks = new ArrayList<Stats.Network>(2);
        if (figures.read("/proc/" + pid + "/net/dev") && figures.nextLine()) {
            while (figures.nextLine()) {
                networks.add(new Stats.Network(figures.nextWord(':'), traffic(), traffic()));
            }
        }
        return networks;
    }

    private Stats.Traffic traffic() {
        var traffic = new Stats.Traffic(
                figures.nextNumber(), figures.nextNumber(), figures.nextNumber(), figures.nextNumber());
        figures.skipWords(OTHER_FIELDS);
        return traffic;
    }
}
