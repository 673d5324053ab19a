package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file of an archive: may be opened any number of times, by many threads at once, as long as the archive is open. */
public final class ArchiveFile {
    private final String what;
    private final long size;
    private final Opener opener;

    /** Opens a stream of the whole file. */
    @FunctionalInterface
    interface Opener {
        InputStream open() throws IOException;
    }

    /** @param what for messages: {@code manifest.json of app.tar} */
    ArchiveFile(String what, long size, Opener opener) {
        this.what = what;
        this.size = size;
        this.opener = opener;
    }

    /** A file on disk. */
    public static ArchiveFile of(Path file) throws IOException {
        return new ArchiveFile(file.toString(), Files.size(file), () -> Files.newInputStream(file));
    }

    /** In bytes. */
    public long size() {
        return size;
    }

    /** A new stream, not buffered. */
    public InputStream open() throws IOException {
        return opener.open();
    }

    /**
     * The whole file.
     *
     * @throws CorruptContentException if it has more bytes than the limit
     */
    byte[] bytes(long limit) {
        if (size > limit) {
            throw new CorruptContentException(
                    "cannot read " + what + ": its " + size + " bytes are more than the limit of " + limit,
                    "raise ImageLimits.manifestSize");
        }
        try (var content = open()) {
            var bytes = content.readNBytes((int) size);
            if (bytes.length < size) {
                throw new CorruptContentException("cannot read " + what + ": it ends early");
            }
            return bytes;
        } catch (IOException e) {
            throw IoFailure.of("cannot read " + what, e);
        }
    }

    /** For messages: {@code manifest.json of app.tar}. */
    @Override
    public String toString() {
        return what;
    }
}
