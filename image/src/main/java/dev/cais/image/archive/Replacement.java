package dev.cais.image.archive;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/** A file or directory that grows beside its place under another name, and takes it in one rename, or vanishes. */
public final class Replacement implements AutoCloseable {
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

    /** Where to write; nothing is there yet. */
    public Path path() {
        return growing;
    }

    /** Replaces a file, an empty directory, or nothing. */
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
