package dev.cais.runtime;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The steps that give a container the kernel's own file systems: devices, proc, sysfs and control groups.
 *
 * <p>Root makes and mounts them in the container's root. A plain user cannot make a device node that works, nor mount proc and sysfs
 * where none is to be seen any more; so nodes of the host are copied as detached mounts and those two are made while the host can still be seen, and
 * attached once the container's root is entered. What belongs to a namespace of the host (its sysfs, its message queues) is the host's own.
 */
final class KernelFileSystems {
    private static final int SECURE = Abi.MS_NOSUID | Abi.MS_NODEV | Abi.MS_NOEXEC;
    private static final int SECURE_ATTRIBUTES = Abi.MOUNT_ATTR_NOSUID | Abi.MOUNT_ATTR_NODEV | Abi.MOUNT_ATTR_NOEXEC;
    private static final int TTY_GROUP = 5;
    private static final String QUEUES = "/dev/mqueue";
    private static final String MASKED_HELP =
            "a container in which the JVM itself runs must not cover parts of it (docker run --security-opt systempaths=unconfined)";

    private final LaunchBuilder program;
    private final ContainerPlan plan;
    private final HostMounts host;
    private final EngineUser user;
    /** Descriptors of what a plain user takes along. */
    private final DeviceNodes.Borrowed nodes;

    private @Nullable Arg proc;
    private @Nullable Arg sysfs;
    private @Nullable Arg queues;

    KernelFileSystems(LaunchBuilder program, ContainerPlan plan, HostMounts host, EngineUser user) {
        this.program = program;
        this.plan = plan;
        this.host = host;
        this.user = user;
        this.nodes = new DeviceNodes.Borrowed(program);
    }

    private boolean privileged() {
        return plan.spec().security().privileged();
    }

    /** In the container's mount namespace, while that has the host's mounts. Nothing for root. */
    void openHosts() {
        if (!user.isPlain()) {
            return;
        }
        nodes.openStandard();
        plan.devices().open(nodes);
        proc = program.newFileSystem("proc", SECURE_ATTRIBUTES);
        program.explain("of proc", MASKED_HELP);
        var readOnly = privileged() ? 0 : Abi.MOUNT_ATTR_RDONLY;
        if (plan.namespaces().ownNetwork()) {
            sysfs = program.newFileSystem("sysfs", SECURE_ATTRIBUTES | readOnly);
        } else {
            sysfs = hosts("/sys", SECURE_ATTRIBUTES | readOnly);
        }
        if (plan.spec().namespaces().ipc().isHost() && Files.isDirectory(Path.of(QUEUES))) {
            queues = hosts(QUEUES, SECURE_ATTRIBUTES);
        }
    }

    private Arg hosts(String path, int attributes) {
        program.openTree(path);
        var tree = program.result();
        program.mountSetattr(tree, attributes, Abi.MS_PRIVATE);
        return tree;
    }

    /** In the container's root. */
    void makeDevices() {
        mountPoint("/dev");
        program.mount("tmpfs", "/dev", "tmpfs", Abi.MS_NOSUID, "mode=755,size=65536k");
        if (user.isPlain()) {
            nodes.attachStandard();
        } else {
            DeviceNodes.makeStandard(program);
        }
        program.symlink("/proc/self/fd", "/dev/fd");
        program.symlink("/proc/self/fd/0", "/dev/stdin");
        program.symlink("/proc/self/fd/1", "/dev/stdout");
        program.symlink("/proc/self/fd/2", "/dev/stderr");
        program.symlink("/proc/kcore", "/dev/core");
        program.symlink("pts/ptmx", "/dev/ptmx");
        program.mkdir("/dev/pts", 0755);
        program.mount(
                "devpts",
                "/dev/pts",
                "devpts",
                Abi.MS_NOSUID | Abi.MS_NOEXEC,
                "newinstance,ptmxmode=0666,mode=0620" + (user.hasGroup(TTY_GROUP) ? ",gid=" + TTY_GROUP : ""));
        program.mkdir("/dev/shm", 01777);
        if (plan.namespaces().ownIpc()) {
            var size = plan.spec().shmSize().bytes();
            program.mount("shm", "/dev/shm", "tmpfs", SECURE, "mode=1777,size=" + size);
        } else {
            program.step(
                    Syscall.MOVE_MOUNT,
                    Arg.of(ContainerProgram.ENTERED),
                    program.text(""),
                    Arg.of(Abi.AT_FDCWD, "AT_FDCWD"),
                    program.text("/dev/shm"),
                    Arg.of(Abi.MOVE_MOUNT_F_EMPTY_PATH, "MOVE_MOUNT_F_EMPTY_PATH"));
            program.close(Arg.of(ContainerProgram.ENTERED));
        }
        program.mkdir(QUEUES, 0755);
        if (queues != null) {
            program.attach(queues, QUEUES);
        } else {
            program.mount("mqueue", QUEUES, "mqueue", SECURE, "");
            if (user.isPlain() && !plan.namespaces().ownIpc()) {
                program.ignore(Errno.EPERM); // of the host's IPC namespace
            }
        }
        if (user.isPlain()) {
            plan.devices().attach(nodes);
        } else {
            plan.devices().make(program);
        }
    }

    /** In the container's root: proc, sysfs and what of control groups is to be seen. */
    void mount() {
        var readOnly = privileged() ? 0 : Abi.MS_RDONLY;
        mountPoint("/proc");
        if (proc == null) {
            program.mount("proc", "/proc", "proc", SECURE, "");
        } else {
            program.attach(proc, "/proc");
        }
        mountPoint("/sys");
        if (sysfs == null) {
            program.mount("sysfs", "/sys", "sysfs", SECURE | readOnly, "");
        } else {
            program.attach(sysfs, "/sys");
        }
        if (host.cgroupVersion2()) {
            program.mount("cgroup", "/sys/fs/cgroup", "cgroup2", SECURE | readOnly, "");
            return;
        }
        program.mount("tmpfs", "/sys/fs/cgroup", "tmpfs", SECURE, "mode=755");
        for (var hierarchy : host.cgroupHierarchies()) {
            var target = "/sys/fs/cgroup/" + hierarchy.directory();
            program.mkdir(target, 0755);
            program.mount("cgroup", target, "cgroup", SECURE | readOnly, hierarchy.options());
        }
        program.mount("", "/sys/fs/cgroup", "", Abi.MS_REMOUNT | Abi.MS_BIND | readOnly | SECURE, "");
    }

    /** The first terminal of the new devpts, which is the console, too. */
    Arg openConsole(Stdio.Terminal size) {
        var terminal = ProcessSteps.openTerminal(program, size);
        program.mknod("/dev/console", Abi.S_IFREG | 0600, 0, 0);
        program.mount("/dev/pts/0", "/dev/console", "", Abi.MS_BIND, "");
        return terminal;
    }

    /** Made if it is missing; a symbolic link there is refused, since what is mounted would end up somewhere else. */
    private void mountPoint(String path) {
        program.mkdir(path, 0755).ignore(Errno.EEXIST);
        program.open(path, Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_NOFOLLOW | Abi.O_CLOEXEC, 0)
                .explain("of " + path, "the image must have a directory there, or nothing");
        program.close(program.result());
    }
}
