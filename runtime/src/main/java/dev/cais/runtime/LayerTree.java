package dev.cais.runtime;

import dev.cais.Image;
import dev.cais.StorageException;
import dev.cais.storage.Layers;
import dev.cais.storage.Whiteouts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Unpacked layers seen as the one tree that overlayfs would make of them, for looking things up without a mount.
 *
 * <p>Resolution follows symbolic links inside the tree only. The layers do not change once they are visible, so the look-up has
 * no races. Not for a running container, whose own writes are not in its layers.
 */
final class LayerTree {
    private static final int MOST_LINKS = 40;
    private static final int S_IFMT = 0170000;
    private static final int S_IFCHR = 0020000;

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
            if (Files.isSymbolicLink(newest)) {
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
            parents.push(Files.isDirectory(newest, LinkOption.NOFOLLOW_LINKS) ? candidates : List.of());
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
        if (file.isEmpty() || !Files.isRegularFile(file.get(), LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        try (var in = Files.newInputStream(file.get(), LinkOption.NOFOLLOW_LINKS)) {
            var content = in.readNBytes(limit + 1);
            if (content.length > limit) {
                throw new StorageException(
                        "cannot read " + path + " of an image: it is larger than " + limit + " bytes");
            }
            return Optional.of(content);
        } catch (IOException e) {
            throw new StorageException("cannot read " + path + " of an image: " + e, Map.of(), "", e);
        }
    }

    /** What a name stands for in a merged directory: one entry, or several directories that are one, newest first. */
    private static List<Path> entries(List<Path> directories, String name) {
        var merged = new ArrayList<Path>();
        for (var directory : directories) {
            var entry = directory.resolve(name);
            try {
                var attributes = Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                if (attributes.isDirectory()) {
                    merged.add(entry);
                    if (Whiteouts.isOpaque(entry)) {
                        return merged;
                    }
                } else {
                    if (merged.isEmpty() && !isWhiteout(entry)) {
                        merged.add(entry);
                    }
                    return merged;
                }
            } catch (NoSuchFileException e) {
                // an older layer may have it
            } catch (IOException e) {
                // ENOTDIR and the like: not there
            }
        }
        return merged;
    }

    private static boolean isWhiteout(Path entry) throws IOException {
        var attributes = Files.readAttributes(entry, "unix:mode,rdev", LinkOption.NOFOLLOW_LINKS);
        var mode = (Integer) Objects.requireNonNull(attributes.get("mode"));
        return (mode & S_IFMT) == S_IFCHR && Long.valueOf(0).equals(attributes.get("rdev"));
    }

    private static String readLink(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            throw new StorageException("cannot read " + link + ": " + e, Map.of(), "", e);
        }
    }
}
