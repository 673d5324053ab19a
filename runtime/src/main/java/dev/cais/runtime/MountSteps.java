package dev.cais.runtime;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Mount;
import dev.cais.MountPoint;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import dev.cais.runtime.launch.Arg;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.storage.ContainerFiles;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The steps that mount volumes, files of the host and memory in a container.
 *
 * <p>What comes from the host or an image is copied as detached mounts while the host can still be seen, and attached once the container's root
 * is entered. Targets are then resolved by the kernel within that root, without the links of {@code /proc}, which would lead
 * to what this process has open. Each is held open from its resolution to its use, so that nobody who shares a volume can put a link
 * in its place.
 */
final class MountSteps {
    private static final int RESOLVE_TARGET = Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_MAGICLINKS;
    private static final int RESOLVE_SUBPATH =
            Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS;
    private static final int HELD = Abi.O_PATH | Abi.O_CLOEXEC;
    private static final String SOURCE_HELP = "it was there when the container was created";
    private static final String DIRECTORY_HELP = "the container must have a directory there, or nothing";
    private static final String FILE_HELP = "the container must have a file there, or nothing";

    private final LaunchBuilder program;
    private final List<MountPoint> mounts;
    private final List<Arg> trees = new ArrayList<>();

    /** @param mounts those above before those below */
    MountSteps(LaunchBuilder program, List<MountPoint> mounts) {
        this.program = program;
        this.mounts = mounts;
    }

    /** In the container's mount namespace, while that has the host's mounts, and before they are made private. */
    void openSources() {
        for (var mount : mounts) {
            trees.add(
                    mount.source().isPresent()
                            ? openSource(mount, mount.source().get())
                            : Arg.of(-1));
        }
    }

    /**
     * Where {@link ContainerProgram#standAtLayers} leads to. Each image is mounted where the container's root will be, for as long as its
     * tree is copied.
     */
    void openImages(ContainerFiles files, Path layers) {
        for (var i = 0; i < mounts.size(); i++) {
            if (mounts.get(i).mount() instanceof Mount.OfImage image) {
                trees.set(i, openImage(image, mounts.get(i).image().orElseThrow(), files, layers));
            }
        }
    }

    private Arg openImage(Mount.OfImage image, Digest id, ContainerFiles files, Path layers) {
        var root = files.root().toString();
        // overlayfs without an upper directory wants two lower ones
        var directories = new ArrayList<>(List.of(files.root()));
        directories.addAll(files.layersOf(id));
        Overlay.of(directories, layers)
                .mount(
                        program,
                        files.root(),
                        Abi.MS_RDONLY | Abi.MS_NODEV,
                        "of image " + image.image() + ", to be mounted at " + image.target(),
                        "");
        program.openat2(root, HELD, Abi.RESOLVE_NO_MAGICLINKS);
        var whole = program.result();
        var found = image.subpath().isEmpty()
                ? whole
                : openSubpath(whole, image.subpath(), "image " + image.image(), image.target());
        program.openTree(found).explain("of image " + image.image() + ", to be mounted at " + image.target(), "");
        var tree = program.result();
        program.close(found);
        program.umount2(root, Abi.MNT_DETACH);
        return tree;
    }

    /** In place of the whole, which is closed. */
    private Arg.Result openSubpath(Arg whole, String subpath, String of, String target) {
        program.openat2(whole, program.text(subpath), HELD, RESOLVE_SUBPATH)
                .explain(
                        "of " + subpath + " in " + of + ", to be mounted at " + target,
                        "a subpath must be there, without symbolic links");
        var below = program.result();
        program.close(whole);
        return below;
    }

    private Arg openSource(MountPoint point, Path source) {
        program.openat2(source.toString(), HELD, Abi.RESOLVE_NO_MAGICLINKS)
                .explain("of " + source + ", to be mounted at " + point.target(), SOURCE_HELP);
        var found = program.result();
        if (point.mount() instanceof Mount.OfVolume volume && !volume.subpath().isEmpty()) {
            found = openSubpath(found, volume.subpath(), "volume " + point.volume(), point.target());
        }
        program.openTree(found).explain("of " + source + ", to be mounted at " + point.target(), "");
        var tree = program.result();
        program.close(found);
        program.mountSetattr(tree, point.mount().readOnly() ? Abi.MOUNT_ATTR_RDONLY : 0, propagation(point.mount()))
                .explain("of the mounts in " + source + ", to be mounted at " + point.target(), "");
        return tree;
    }

    private static int propagation(Mount mount) {
        var wanted = mount instanceof Mount.OfBind bind ? bind.propagation() : Mount.Propagation.PRIVATE;
        return switch (wanted) {
            case PRIVATE -> Abi.MS_PRIVATE;
            case SLAVE -> Abi.MS_SLAVE;
            case SHARED -> Abi.MS_SHARED;
        };
    }

    /** In the container's root, which is the working directory. The umask is 0. */
    void attach() {
        for (var i = 0; i < mounts.size(); i++) {
            var point = mounts.get(i);
            if (point.mount() instanceof Mount.OfTmpfs tmpfs) {
                mountMemory(tmpfs, openTarget(point.target(), true));
            } else {
                attach(point, trees.get(i), "mount." + i);
            }
        }
    }

    /** What is bound may be a file or a directory, which only the kernel can tell for sure. */
    private void attach(MountPoint point, Arg tree, String name) {
        // a directory can be opened as "."
        program.openat2(tree, program.text("."), HELD, Abi.RESOLVE_BENEATH)
                .on(Errno.ENOTDIR, name + ".file")
                .explain("of what is to be mounted at " + point.target(), "");
        program.close(program.result());
        var directory = openTarget(point.target(), true);
        program.moveMount(tree, directory).explain("on " + point.target(), DIRECTORY_HELP);
        program.close(directory).goTo(name + ".done");
        program.label(name + ".file");
        var file = openTarget(point.target(), false);
        program.moveMount(tree, file).explain("on " + point.target(), FILE_HELP);
        program.close(file);
        program.label(name + ".done").close(tree);
    }

    private void mountMemory(Mount.OfTmpfs tmpfs, Arg target) {
        var size = tmpfs.size().equals(ByteSize.UNLIMITED)
                ? ""
                : ",size=" + tmpfs.size().bytes();
        var flags = Abi.MS_NOSUID
                | Abi.MS_NODEV
                | (tmpfs.executable() ? 0 : Abi.MS_NOEXEC)
                | (tmpfs.readOnly() ? Abi.MS_RDONLY : 0);
        program.fchdir(target).close(target);
        program.mount("tmpfs", ".", "tmpfs", flags, "mode=" + Integer.toOctalString(tmpfs.mode()) + size)
                .explain("of tmpfs on " + tmpfs.target(), "");
        program.chdir("/");
    }

    /** Holds the target open; made with its parents if it is missing. */
    private Arg openTarget(String target, boolean directory) {
        var help = directory ? DIRECTORY_HELP : FILE_HELP;
        var path = directory ? target + "/" : target;
        var found = program.reserve(8);
        var ready = "target." + found.address();
        program.openat2(path, HELD, RESOLVE_TARGET)
                .storeTo(found)
                .onSuccess(ready)
                .ignore(Errno.ENOENT)
                .explain("of the target " + target, help);
        var parent = "/";
        for (var slash = target.indexOf('/', 1); ; slash = target.indexOf('/', slash + 1)) {
            var isLast = slash < 0;
            var name =
                    isLast ? target.substring(target.lastIndexOf('/') + 1) : target.substring(parent.length(), slash);
            program.openat2(parent, HELD, RESOLVE_TARGET).explain("of the target " + target, DIRECTORY_HELP);
            var holder = program.result();
            if (isLast && !directory) {
                program.step(
                        Syscall.MKNODAT,
                        holder,
                        program.text(name),
                        Arg.of(Abi.S_IFREG | 0644, "S_IFREG|0644"),
                        Arg.of(0));
            } else {
                program.mkdirat(holder, name, 0755);
            }
            program.ignore(Errno.EEXIST).explain("of the target " + target, help);
            program.close(holder);
            if (isLast) {
                break;
            }
            parent = target.substring(0, slash + 1);
        }
        program.openat2(path, HELD, RESOLVE_TARGET).storeTo(found).explain("of the target " + target, help);
        program.label(ready);
        return found.word32();
    }
}
