package dev.cais.image;

import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.image.oci.Hash;
import dev.cais.image.registry.BlobStream;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A blob that is read from one registry while it is sent to another. The client that sends it would only say that its content ended
 * early; so what went wrong with reading is kept here.
 */
final class Relay implements AutoCloseable {
    private final Repository source;
    private final Descriptor blob;
    private final Task task;
    private final AtomicReference<@Nullable EngineException> failure = new AtomicReference<>();
    private final AtomicReference<@Nullable BlobStream> open = new AtomicReference<>();

    Relay(Repository source, Descriptor blob, Task task) {
        this.source = source;
        this.blob = blob;
        this.task = task;
    }

    /** Why it cannot be read, if so. */
    Optional<EngineException> failure() {
        return Optional.ofNullable(failure.get());
    }

    /** From some byte on; the content is compared with its digest if that is the first. Asks for nothing before it is read. */
    InputStream open(long offset) {
        var stream = source.blob(blob, offset, () -> {}, task);
        close(open.getAndSet(stream));
        return new Relayed(
                stream, offset == 0 ? Optional.of(Hash.of(blob.digest().algorithm())) : Optional.empty());
    }

    private static void close(@Nullable BlobStream stream) {
        if (stream != null) {
            stream.close();
        }
    }

    /** Closes what is still open; the client does not if it breaks off. */
    @Override
    public void close() {
        close(open.getAndSet(null));
    }

    private final class Relayed extends InputStream {
        private final BlobStream stream;
        private final Optional<MessageDigest> hash;
        private long left = blob.size().bytes();

        Relayed(BlobStream stream, Optional<MessageDigest> hash) {
            this.stream = stream;
            this.hash = hash;
        }

        @Override
        public int read() throws IOException {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            try {
                var count = stream.read(bytes, offset, length);
                if (count > 0 && hash.isPresent()) {
                    hash.get().update(bytes, offset, count);
                    left -= count;
                    if (left == 0) {
                        verify(hash.get()); // before the last bytes are on their way
                    }
                }
                return count;
            } catch (EngineException e) {
                failure.compareAndSet(null, e);
                throw new IOException(e);
            }
        }

        private void verify(MessageDigest hashed) {
            var found = new Digest(blob.digest().algorithm(), HexFormat.of().formatHex(hashed.digest()));
            Hash.requireSame(blob.digest(), found, "blob " + blob.digest() + " of " + source);
        }

        @Override
        public void close() {
            stream.close();
        }
    }
}
