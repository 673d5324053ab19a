package dev.cais.runtime;

import dev.cais.KernelException;
import dev.cais.StorageException;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The {@code /etc/hosts} of a running container, which gets a line for each address of a network that it is connected to later, as
 * Docker's does. What else somebody has written there stays. A file of the image's or of a volume, in its place, is left alone.
 */
final class HostsFile {
    private static final Logger LOG = LoggerFactory.getLogger(HostsFile.class);
    private static final String PATH = "/etc/hosts";
    private static final int LARGEST = 1 << 16;

    private HostsFile() {}

    /** Adds those that are missing, behind all others. */
    static void add(ContainedProcess process, List<String> lines) {
        change(process, present -> {
            var more = lines.stream()
                    .filter(line -> present.lines().noneMatch(line::equals))
                    .toList();
            return present + (present.isEmpty() || present.endsWith("\n") ? "" : "\n") + joined(more);
        });
    }

    /** Removes them, as often as they are there. */
    static void remove(ContainedProcess process, List<String> lines) {
        change(process, present -> {
            var rest = new ArrayList<>(present.lines().toList());
            return rest.removeAll(lines) ? joined(rest) : present;
        });
    }

    private static String joined(List<String> lines) {
        return String.join("", lines.stream().map(line -> line + "\n").toList());
    }

    /** The name server answers without it: so what cannot be changed is no failure. */
    private static void change(ContainedProcess process, UnaryOperator<String> change) {
        try {
            RunningRoot.withUnnamed(process.hostPid(), PATH, file -> {
                if (process.isRunning()) { // or the number is another's by now
                    change(file, change);
                }
            });
        } catch (KernelException | StorageException e) {
            LOG.debug("{} of a container does not tell of its networks", PATH, e);
        }
    }

    private static void change(Fd file, UnaryOperator<String> change) {
        // as bytes, whatever they are
        var present =
                new String(RunningRoot.content(file, PATH + " of a container", LARGEST), StandardCharsets.ISO_8859_1);
        var changed = change.apply(present);
        if (changed.equals(present)) {
            return;
        }
        var bytes = changed.getBytes(StandardCharsets.ISO_8859_1);
        try (var scratch = Scratch.frame()) {
            var buffer = scratch.take(Math.max(1, bytes.length));
            buffer.put(0, bytes);
            Syscalls.checked(
                    "cannot write " + PATH + " of a container",
                    Syscall.PWRITE64,
                    Syscalls.call(Syscall.PWRITE64, file.number(), Scratch.address(buffer), bytes.length, 0));
            Syscalls.checked(
                    "cannot write " + PATH + " of a container",
                    Syscall.FTRUNCATE,
                    Syscalls.call(Syscall.FTRUNCATE, file.number(), bytes.length));
        }
    }
}
