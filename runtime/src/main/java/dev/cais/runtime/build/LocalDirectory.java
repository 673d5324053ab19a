package dev.cais.runtime.build;

import dev.cais.ConflictException;
import dev.cais.StorageException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.archive.Pending;
import dev.cais.image.archive.Replacement;
import dev.cais.image.oci.Hash;
import dev.cais.storage.FileOperations;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Files that are written for a directory of the host: beside it if there is none, else in it, under another name. To be published they move
 * each to its place, a new directory with all that is in it; no link of either side is followed. Builds of a store that have the same directory
 * do so one after the other: the last one's files are there, and those of the others that it has not.
 */
final class LocalDirectory implements Pending {
    private final Store store;
    private final Path target;
    private final Replacement growing;

    private LocalDirectory(Store store, Path target, Replacement growing) {
        this.store = store;
        this.target = target;
        this.growing = growing;
    }

    /**
     * Writes the files.
     *
     * @throws ConflictException if the target is no directory
     * @throws StorageException if they cannot be written; then nothing is left of them
     */
    static Pending begin(Store store, Path target, Consumer<FileOperations> files) {
        try {
            var parent = target.getParent();
            var isThere = isDirectory(target) || parent == null;
            var place = isThere
                    ? target.toRealPath()
                    : Files.createDirectories(parent).toRealPath().resolve(target.getFileName());
            var growing = Replacement.of(isThere ? place.resolve("files") : place);
            var directory = new LocalDirectory(store, place, growing);
            try {
                Files.createDirectory(growing.path());
                try (var root = Workplace.open("cannot write files to " + target, growing.path());
                        var operations = FileOperations.in(root, target.toString(), new byte[0])) {
                    files.accept(operations);
                }
                if (isThere) {
                    directory.merge(false);
                }
                return directory;
            } catch (IOException | RuntimeException | Error e) {
                growing.close();
                throw e;
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot write files to " + target, e);
        }
    }

    private static boolean isDirectory(Path target) {
        var isThere = Files.exists(target, LinkOption.NOFOLLOW_LINKS);
        if (isThere && !Files.isDirectory(target)) {
            throw new ConflictException("cannot write files to " + target + ": it is no directory");
        }
        return isThere;
    }

    /** @throws dev.cais.CancelledException if the thread is interrupted while another build's files move */
    @Override
    public void publish() throws IOException {
        var place = Hash.sha256(("files of a build\n" + target).getBytes(StandardCharsets.UTF_8));
        try (var turn = store.builds().lock(place)) {
            if (isDirectory(target)) { // perhaps another build's
                merge(false);
                merge(true);
            } else {
                growing.publish();
            }
        }
    }

    private record Pair(Path from, Path to) {}

    /** Moves the files, or only looks whether it can be done. */
    private void merge(boolean moves) throws IOException {
        var open = new ArrayDeque<>(List.of(new Pair(growing.path(), target)));
        while (!open.isEmpty()) {
            var pair = open.pop();
            for (var from : list(pair.from)) {
                var to = pair.to.resolve(from.getFileName());
                var isDirectory = Files.isDirectory(from, LinkOption.NOFOLLOW_LINKS);
                var isThere = Files.exists(to, LinkOption.NOFOLLOW_LINKS);
                if (isThere && isDirectory != Files.isDirectory(to, LinkOption.NOFOLLOW_LINKS)) {
                    throw new ConflictException("cannot write files to " + target + ": " + to
                            + (isDirectory ? " is no directory, and one is" : " is a directory, and a file is")
                            + " to come there");
                }
                if (isThere && isDirectory) {
                    open.push(new Pair(from, to));
                } else if (moves) {
                    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
                }
            }
        }
    }

    private static List<Path> list(Path directory) throws IOException {
        var paths = new ArrayList<Path>();
        try (var entries = Files.newDirectoryStream(directory)) {
            entries.forEach(paths::add);
        }
        return paths;
    }

    @Override
    public void close() throws IOException {
        growing.close();
    }
}
