package dev.cais.image.archive;

import dev.cais.ConflictException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/** A file or directory that grows beside its place under another name, and takes it in one rename, or vanishes. */
public final class Replacement implements Pending {
    private final Path target;
    private final Path growing;
    private boolean published;

    private Replacement(Path target, Path growing) {
        this.target = target;
        this.growing = growing;
    }

    public static Replacement of(Path target) {
        var random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt());
        var absolute = target.toAbsolutePath();
        return new Replacement(absolute, absolute.resolveSibling("." + absolute.getFileName() + "." + random));
    }

    /** What a file is to hold. */
    @FunctionalInterface
    public interface Content {
        void write(OutputStream target) throws IOException;
    }

    /**
     * A file that is written. One that is there is replaced, also if a link leads to it.
     *
     * @throws ConflictException if something else than a regular file is there
     * @throws dev.cais.StorageException if it cannot be written; then nothing is left of it
     */
    public static Pending file(Path target, Content content) {
        try {
            if (Files.exists(target) && !Files.isRegularFile(target)) { // never in the place of a device
                throw new ConflictException("cannot save to " + target + ": it is no regular file");
            }
            var file = of(Files.exists(target) ? target.toRealPath() : target);
            try {
                try (var plain =
                        Files.newOutputStream(file.path(), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                    content.write(plain);
                }
                return file;
            } catch (IOException | RuntimeException | Error e) {
                file.close();
                throw e;
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot save to " + target, e);
        }
    }

    /** Where to write; nothing is there yet. */
    public Path path() {
        return growing;
    }

    /** Replaces a file, an empty directory, or nothing. */
    @Override
    public void publish() throws IOException {
        Files.move(growing, target, StandardCopyOption.ATOMIC_MOVE);
        published = true;
    }

    @Override
    public void close() throws IOException {
        if (!published && Files.exists(growing, LinkOption.NOFOLLOW_LINKS)) {
            remove(growing);
        }
    }

    private static void remove(Path tree) throws IOException {
        try (var paths = Files.walk(tree)) {
            for (var path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }
}
