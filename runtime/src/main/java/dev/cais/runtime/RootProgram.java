package dev.cais.runtime;

import dev.cais.Mount;
import dev.cais.MountPoint;
import dev.cais.linux.Abi;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.runtime.launch.LaunchProgram;
import dev.cais.storage.ContainerFiles;
import java.nio.file.Path;
import java.util.List;

/**
 * Launch programs that hand a container's root to the JVM: a detached copy of its mounts, which goes with the last descriptor of
 * it. So no thread of the JVM changes namespaces, and the host's mount table has nothing.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/open_tree.2.html">open_tree(2), OPEN_TREE_CLONE</a>
 */
final class RootProgram {
    private static final int CLONE = Abi.OPEN_TREE_CLONE | Abi.O_CLOEXEC;

    /** What to hand out. */
    enum Extent {
        /** What the container sees: with all that is mounted there. */
        ALL_MOUNTS(CLONE | Abi.AT_RECURSIVE),
        /** Its own file system alone: directories where something is mounted show what they hold themselves. */
        ROOT_ALONE(CLONE);

        private final int flags;

        Extent(int flags) {
            this.flags = flags;
        }
    }

    private RootProgram() {}

    /** Of the container in whose mount namespace the process is that {@link ContainerProgram#ENTERED} stands for. */
    static LaunchProgram ofRunning(Extent extent) {
        var program = LaunchProgram.builder().reportFailuresTo(ContainerProgram.REPORT);
        program.resetInherited(ContainerProgram.REPORT, ContainerProgram.ENTERED);
        program.setns(Arg.of(ContainerProgram.ENTERED), Abi.CLONE_NEWNS)
                .explain("into the container", "it has ended, perhaps");
        handOut(program, extent);
        return program.build();
    }

    /**
     * Of a container that does not run.
     *
     * @param mounts of the container; what is in memory only while it runs is left out
     */
    static LaunchProgram ofStopped(ContainerFiles files, List<MountPoint> mounts, Path layers, Extent extent) {
        var program = LaunchProgram.builder().reportFailuresTo(ContainerProgram.REPORT);
        program.resetInherited(ContainerProgram.REPORT);
        program.unshare(Abi.CLONE_NEWNS);
        program.umask(0);
        var steps = new MountSteps(program, extent == Extent.ROOT_ALONE ? List.of() : lasting(mounts));
        steps.openSources();
        ContainerProgram.standAtLayers(program, layers);
        steps.openImages(files, layers);
        ContainerProgram.mountRoot(program, files, layers);
        steps.attach();
        handOut(program, extent);
        return program.build();
    }

    private static List<MountPoint> lasting(List<MountPoint> mounts) {
        return mounts.stream()
                .filter(point -> !(point.mount() instanceof Mount.OfTmpfs))
                .toList();
    }

    private static void handOut(LaunchBuilder program, Extent extent) {
        var message = program.message("root", 1);
        program.step(
                        Syscall.OPEN_TREE,
                        Arg.of(Abi.AT_FDCWD, "AT_FDCWD"),
                        program.text("/"),
                        Arg.of(extent.flags, "OPEN_TREE_CLONE|…"))
                .storeTo(message.slot(0));
        program.sendmsg(Arg.of(ContainerProgram.REPORT), message);
    }
}
