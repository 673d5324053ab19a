package dev.cais.image;

import dev.cais.image.archive.IoFailure;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The file that says which images there are. Readers take no lock; they see all of a change or nothing. */
final class ImageDatabase {
    private final Store store;
    private final Path file;
    private volatile @Nullable Read last;

    /** @param key of the file when it was read: every change makes a new file */
    private record Read(FileKey key, ImageTable table) {}

    private record FileKey(@Nullable Object inode, FileTime modified, long size) {}

    ImageDatabase(Store store) {
        this.store = store;
        this.file = store.root().resolve("images.json");
    }

    /** As it is now; the same object as long as nothing has changed. */
    ImageTable read() {
        try {
            var attributes = Files.readAttributes(file, BasicFileAttributes.class);
            var key = new FileKey(attributes.fileKey(), attributes.lastModifiedTime(), attributes.size());
            var known = last;
            if (known != null && known.key.equals(key)) {
                return known.table;
            }
            var table = ImageTable.parse(Files.readAllBytes(file), file.toString());
            last = new Read(key, table); // if it was replaced meanwhile, the key is old, and the next call reads again
            return table;
        } catch (NoSuchFileException e) {
            return ImageTable.EMPTY;
        } catch (IOException e) {
            throw IoFailure.of("cannot read " + file, e);
        }
    }

    /**
     * Replaces the database by what {@code change} makes of it; nobody else changes it meanwhile, here or in another process.
     * A change that throws changes nothing.
     */
    ImageTable change(UnaryOperator<ImageTable> change) {
        var turn = store.lock("images.lock");
        try (turn) {
            var before = read();
            var after = change.apply(before);
            if (!after.equals(before)) {
                store.write(file, after.toBytes());
            }
            return Objects.requireNonNull(after);
        }
    }
}
