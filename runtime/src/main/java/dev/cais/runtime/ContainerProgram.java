package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.runtime.launch.LaunchProgram;
import dev.cais.runtime.security.ProtectedPaths;
import dev.cais.runtime.security.Sysctls;
import dev.cais.storage.ContainerFiles;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The launch program of a container's first process.
 *
 * <p>Three processes carry it out, each the JVM's child. The first gives back all that was inherited and enters the guardian's
 * PID namespace, or whatever else is shared ({@link SharedNamespaces}); the second is born there, since only a member can make a namespace below; the third is the
 * container's PID 1. Each of the first two sends a pidfd of the next to the JVM and exits. The third enters the control group,
 * builds its root file system in its own mount namespace, and turns into the container's program. The root is entered before
 * anything is mounted in it, so that a hostile image's symbolic links lead nowhere else.
 */
final class ContainerProgram {
    /** The socket to the JVM: pidfds, and the failure of a step. Closed on exec, which tells of success. */
    static final int REPORT = 3;
    /** The pidfd of the process whose namespaces are entered. */
    static final int ENTERED = 4;
    /** The control group's directory, on v2. */
    static final int CGROUP = 5;

    private static final int SECURE = Abi.MS_NOSUID | Abi.MS_NODEV | Abi.MS_NOEXEC;

    private ContainerProgram() {}

    static LaunchProgram of(ContainerPlan plan, Stdio stdio, HostMounts host, EngineUser user, Path layers) {
        var program = LaunchProgram.builder().reportFailuresTo(REPORT);
        var namespaces = plan.namespaces();
        var kept = IntStream.concat(
                IntStream.of(REPORT, ENTERED, CGROUP),
                namespaces.descriptors().keySet().stream().mapToInt(number -> number));
        program.resetInherited(stdio.inherited(kept.toArray()));
        ProcessSteps.leadGroup(program);
        namespaces.enter(program, user);
        if (plan.cgroup().directory().isPresent()) {
            ProcessSteps.cloneAndReport(program, namespaces.made(), CGROUP);
        } else {
            ProcessSteps.cloneAndReport(program, namespaces.made());
        }

        namespaces.enterMounted(program, user);
        // from here on paths are resolved that an image chose, and /proc/self/fd must lead to nothing of the host's
        program.closeRange(namespaces.ownIpc() ? ENTERED : ENTERED + 1, -1, 0);
        if (plan.networked()) {
            // first of all, so that the interfaces are configured while the rest is built
            NetworkSteps.open(program);
        }
        ProcessSteps.enterCgroup(program, plan.cgroup().taskFiles());
        program.unshare(Abi.CLONE_NEWCGROUP);
        program.umask(0);
        var privileged = plan.spec().security().privileged();
        var mounts = new MountSteps(program, plan.mounts());
        mounts.openSources();
        var kernel = new KernelFileSystems(program, plan, host, user);
        kernel.openHosts();
        standAtLayers(program, layers);
        mounts.openImages(plan.files(), layers);
        mountRoot(program, plan.files(), layers);
        // without /proc, so that no link of the image leads to a source that is open
        kernel.makeDevices();
        plan.etc().mount(program, plan.mounts());
        kernel.mount();
        Optional<Arg> terminal =
                stdio instanceof Stdio.Terminal size ? Optional.of(kernel.openConsole(size)) : Optional.empty();
        setKernelParameters(program, plan, user);
        if (!privileged) {
            protect(program, host);
        }
        mounts.attach();
        makeDirectories(program, plan.blueprint().workdir());
        program.umask(022);
        if (plan.spec().security().readOnlyRoot()) {
            program.mount("", "/", "", Abi.MS_REMOUNT | Abi.MS_BIND | Abi.MS_RDONLY, "");
        }
        if (plan.spec().oomScoreAdj() != 0) {
            var file = "/proc/self/oom_score_adj";
            program.open(file, Abi.O_WRONLY | Abi.O_CLOEXEC, 0);
            var score = program.result();
            program.write(score, String.valueOf(plan.spec().oomScoreAdj()))
                    .explain(
                            "of " + plan.spec().oomScoreAdj() + " to " + file,
                            "without CAP_SYS_RESOURCE it cannot be lower than the JVM's own; choose a higher one")
                    .close(score);
        }
        if (plan.spec().init()) {
            InitSteps.fork(program, plan.blueprint(), plan.confinement(), namespaces.ownPid());
        }
        if (plan.confinement().label().isPresent()) {
            program.open("/proc", Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC, 0);
            ProcessSteps.label(program, plan.confinement(), program.result());
        }
        ProcessSteps.becomeProgram(
                program,
                plan.blueprint(),
                plan.confinement(),
                plan.spec().rlimits().values(),
                stdio,
                terminal);
        return program.build();
    }

    /** In a mount namespace of one's own, from now on without what is mounted on the host. */
    static void standAtLayers(LaunchBuilder program, Path layers) {
        program.mount("", "/", "", Abi.MS_REC | Abi.MS_PRIVATE, "");
        program.chdir(layers.toString());
    }

    /**
     * Where {@link #standAtLayers} leads to. What is written there goes with the engine, so it need not outlast a power cut: without
     * {@code volatile} each unmounting, so each container's end, would wait until the whole file system of the store is on disk.
     */
    static void mountRoot(LaunchBuilder program, ContainerFiles files, Path layers) {
        // the mark of a mount before: the kernel would refuse another, not knowing whether the host went down meanwhile
        var mark = files.work() + "/work/incompat/volatile";
        program.unlink(mark + "/dirty", 0).ignore(Errno.ENOENT);
        program.unlink(mark, Abi.AT_REMOVEDIR).ignore(Errno.ENOENT);
        // overlayfs wants something below, and an image may have no layer
        var below = files.layers().isEmpty() ? List.of(files.root()) : files.layers();
        Overlay.of(below, layers)
                .writable(files.upper(), files.work())
                .mount(
                        program,
                        files.root(),
                        0,
                        "of overlay on the container's root",
                        "the store's file system must support overlayfs, and not be overlayfs itself; a plain user's must"
                                + " have extended attributes of users, too (tmpfs has them since Linux 6.6)");
        program.chdir(files.root().toString());
        program.pivotRoot(".", ".");
        program.umount2(".", Abi.MNT_DETACH);
        program.chdir("/");
    }

    private static void setKernelParameters(LaunchBuilder program, ContainerPlan plan, EngineUser user) {
        var namespaces = plan.namespaces();
        if (plan.networked()) {
            NetworkSteps.await(program, user.lastGroup());
        } else if (namespaces.ownNetwork()) {
            program.loopbackUp();
        }
        if (namespaces.ownUts()) {
            program.sethostname(plan.hostname());
            if (!plan.spec().domainname().isEmpty()) {
                program.setdomainname(plan.spec().domainname());
            }
        }
        plan.spec().sysctls().forEach((key, value) -> {
            var file = "/proc/sys/" + Sysctls.file(key, namespaces.ownNetwork(), namespaces.ownIpc());
            program.writeFile(file, value);
        });
    }

    private static void protect(LaunchBuilder program, HostMounts host) {
        for (var path : ProtectedPaths.READ_ONLY) {
            if (host.has(path)) {
                program.mount(path, path, "", Abi.MS_BIND | Abi.MS_REC, "");
                program.mount("", path, "", Abi.MS_BIND | Abi.MS_REMOUNT | Abi.MS_RDONLY | SECURE, "");
            }
        }
        var emptyDirectory = "";
        for (var path : ProtectedPaths.MASKED) {
            if (!host.has(path)) {
                continue;
            }
            if (!host.isDirectory(path)) {
                program.mount("/dev/null", path, "", Abi.MS_BIND, "");
            } else if (emptyDirectory.isEmpty()) {
                program.mount("tmpfs", path, "tmpfs", SECURE | Abi.MS_RDONLY, "size=0k");
                emptyDirectory = path;
            } else {
                program.mount(emptyDirectory, path, "", Abi.MS_BIND, "");
            }
        }
    }

    /** As {@code mkdir -p}, by root and inside the container; what is there stays as it is. */
    private static void makeDirectories(LaunchBuilder program, String path) {
        var slash = path.indexOf('/', 1);
        while (slash > 0) {
            program.mkdir(path.substring(0, slash), 0755).ignoreFailure();
            slash = path.indexOf('/', slash + 1);
        }
        if (path.length() > 1) {
            program.mkdir(path, 0755).ignoreFailure();
        }
    }
}
