package dev.cais.runtime;

import dev.cais.Image;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.launch.LaunchBuilder;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.FileOperations;
import dev.cais.storage.Store;
import dev.cais.storage.TreeCopy;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/**
 * What a volume begins with: a directory of an image, as a container would see it.
 *
 * <p>The image's layers are joined by overlayfs, in the mount namespace of a process that sends the root's descriptor and ends; so no
 * mount is to be seen anywhere, and all that is left of it goes with the descriptor. Paths are resolved by the kernel within that
 * root. For one thread.
 */
final class ImageContent implements AutoCloseable {
    private final String cannot;
    private final Image image;
    private final Store store;
    private final ContainerFiles files;
    private final Launcher launcher;
    private @Nullable LayerTree tree;
    private @Nullable Fd root;

    /** @param files of a container, whose mount point is used in another namespace */
    ImageContent(String cannot, Image image, Store store, ContainerFiles files, Launcher launcher) {
        this.cannot = cannot;
        this.image = image;
        this.store = store;
        this.files = files;
        this.launcher = launcher;
    }

    /** Whether the image has a directory there, links followed. */
    boolean hasDirectory(String path) {
        var found = tree;
        if (found == null) {
            found = LayerTree.of(image, store.layers());
            tree = found;
        }
        return found.resolve(path)
                .filter(file -> Files.isDirectory(file, LinkOption.NOFOLLOW_LINKS))
                .isPresent();
    }

    /** Copies a directory that the image has, with its own attributes. */
    void copy(String path, FileOperations target) {
        try (var directory = open(path)) {
            TreeCopy.copy(directory, Path.of(path), target, new byte[0]);
        }
    }

    private Fd open(String path) {
        var base = root;
        if (base == null) {
            base = launcher.openView(cannot, this::write);
            root = base;
        }
        try (var scratch = Scratch.frame()) {
            var opened = Lookup.open(
                    base.number(),
                    scratch.path(path),
                    Abi.O_RDONLY | Abi.O_DIRECTORY,
                    Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_MAGICLINKS);
            return Fd.of(Syscalls.checked(
                    cannot + ": it cannot read " + path + " of image " + image, Syscall.OPENAT2, opened));
        }
    }

    /** Ends with the root as the working directory. */
    private void write(LaunchBuilder program) {
        var layers = store.layers().directory();
        program.chdir(layers.toString());
        var directories = new ArrayList<Path>();
        directories.add(files.work()); // overlayfs wants two layers at least, so an empty one lies below
        directories.addAll(files.layers());
        Overlay.of(directories, layers)
                .mount(
                        program,
                        files.root(),
                        Abi.MS_RDONLY | Abi.MS_NODEV | Abi.MS_NOSUID | Abi.MS_NOEXEC,
                        "of overlay on the image's root",
                        "");
        program.chdir(files.root().toString());
    }

    @Override
    public void close() {
        if (root != null) {
            root.close();
        }
    }
}
