package dev.cais.runtime;

import dev.cais.Image;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.InRoot;
import dev.cais.storage.Layers;
import dev.cais.storage.Whiteouts;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Unpacked layers seen as the one tree that overlayfs would make of them, for looking things up without a mount.
 *
 * <p>Resolution follows symbolic links inside the tree only. The layers do not change once they are visible, so the look-up has
 * no races. Not for a running container, whose own writes are not in its layers.
 */
final class LayerTree {
    private static final int MOST_LINKS = 40;

    private final List<Path> newestFirst;

    /** @param oldestFirst directories of the layers, in the order of the image's manifest */
    LayerTree(List<Path> oldestFirst) {
        newestFirst = new ArrayList<>(oldestFirst);
        java.util.Collections.reverse(newestFirst);
    }

    /** @throws StorageException if the store has lost one of the image's layers */
    static LayerTree of(Image image, Layers layers) {
        return new LayerTree(image.layers().stream()
                .map(layer -> layers.find(layer.diffId())
                        .orElseThrow(() -> new StorageException(
                                "cannot use image " + image + ": the store has lost its layer " + layer.diffId(),
                                "load it again")))
                .toList());
    }

    /**
     * Where a path of the tree lies on the host, every link followed.
     *
     * @param path absolute, or relative to the root
     * @return nothing if there is no such file, or a link leads in circles
     */
    Optional<Path> resolve(String path) {
        Deque<String> rest = new ArrayDeque<>(Arrays.asList(path.split("/")));
        Deque<List<Path>> parents = new ArrayDeque<>();
        parents.push(newestFirst);
        Optional<Path> found = newestFirst.stream().findFirst();
        var links = 0;
        while (!rest.isEmpty()) {
            var name = rest.pop();
            if (name.isEmpty() || name.equals(".")) {
                continue;
            }
            if (name.equals("..")) {
                if (parents.size() > 1) {
                    parents.pop();
                }
                found = Optional.of(parents.element().get(0));
                continue;
            }
            if (parents.element().isEmpty()) {
                return Optional.empty();
            }
            var candidates = entries(parents.element(), name);
            if (candidates.isEmpty()) {
                return Optional.empty();
            }
            var newest = candidates.get(0);
            var type = type(newest);
            if (type == Abi.S_IFLNK) {
                if (++links > MOST_LINKS) {
                    return Optional.empty();
                }
                var target = readLink(newest);
                if (target.startsWith("/")) {
                    while (parents.size() > 1) {
                        parents.pop();
                    }
                }
                var components = target.split("/");
                for (var i = components.length - 1; i >= 0; i--) {
                    rest.push(components[i]);
                }
                found = Optional.of(parents.element().get(0));
                continue;
            }
            found = Optional.of(newest);
            parents.push(type == Abi.S_IFDIR ? candidates : List.of());
        }
        return found;
    }

    /**
     * A regular file's content.
     *
     * @param limit most bytes to read
     * @return nothing if there is no such regular file
     * @throws StorageException if it is larger than the limit
     */
    Optional<byte[]> read(String path, int limit) {
        var file = resolve(path);
        if (file.isEmpty() || type(file.get()) != Abi.S_IFREG) {
            return Optional.empty();
        }
        try (var opened = open(file.get(), Abi.O_RDONLY | Abi.O_NOFOLLOW)) {
            return Optional.of(RunningRoot.content(opened, path + " of an image", limit));
        }
    }

    /** What a name stands for in a merged directory: one entry, or several directories that are one, newest first. */
    private static List<Path> entries(List<Path> directories, String name) {
        var merged = new ArrayList<Path>();
        var stat = new Statx();
        for (var directory : directories) {
            var entry = directory.resolve(name);
            if (!look(stat, entry)) {
                continue; // an older layer may have it
            }
            if (stat.isDirectory()) {
                merged.add(entry);
                if (Whiteouts.isOpaque(entry)) {
                    return merged;
                }
            } else {
                if (merged.isEmpty() && !stat.isWhiteout()) {
                    merged.add(entry);
                }
                return merged;
            }
        }
        return merged;
    }

    /** Whether something is there. */
    private static boolean look(Statx stat, Path entry) {
        try (var scratch = Scratch.frame()) {
            return stat.of(Abi.AT_FDCWD, scratch.path(entry.toString())) == 0;
        }
    }

    private static int type(Path entry) {
        var stat = new Statx();
        return look(stat, entry) ? stat.type() : 0;
    }

    private static String readLink(Path link) {
        try (var opened = open(link, Abi.O_PATH | Abi.O_NOFOLLOW)) {
            return InRoot.linkTarget(opened)
                    .map(target -> new String(target, StandardCharsets.UTF_8))
                    .orElse("");
        }
    }

    private static Fd open(Path entry, int flags) {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.checked(
                    "cannot open " + entry,
                    Syscall.OPENAT,
                    FileCalls.open(Abi.AT_FDCWD, scratch.path(entry.toString()), flags, 0)));
        }
    }
}
