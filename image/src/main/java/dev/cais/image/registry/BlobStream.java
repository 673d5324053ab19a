package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A blob's bytes while they arrive, as many as its descriptor says and no more. When the connection breaks or stalls, another
 * one goes on at the same byte; only so many failures in a row without progress are an end. For one thread.
 */
public final class BlobStream extends InputStream {
    private static final long PROGRESS = 16 * 1024;

    private final BlobSource source;
    private final Descriptor blob;
    private final Runnable retrying;
    private final Task task;
    private final Backoff backoff;
    private long at;
    /** Up to where progress has been counted. */
    private long counted;

    private volatile @Nullable Response response;
    private volatile boolean closed;

    BlobStream(BlobSource source, Descriptor blob, long offset, Runnable retrying, Task task) {
        this.source = source;
        this.blob = blob;
        this.retrying = retrying;
        this.task = task;
        this.backoff = new Backoff(source.retries());
        this.at = offset;
        this.counted = offset;
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    /**
     * @throws CorruptContentException if there are more bytes than were promised
     * @throws dev.cais.RegistryException if the registry refuses, or too many connections break
     */
    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        while (at < blob.size().bytes()) {
            try {
                var opened = open();
                var count = opened.body()
                        .read(bytes, offset, (int) Math.min(length, blob.size().bytes() - at));
                if (count >= 0) {
                    at += count;
                    return count;
                }
                throw new EOFException(
                        "it ended after " + at + " of " + blob.size().bytes() + " bytes");
            } catch (IOException e) {
                mend(e);
            }
        }
        return -1;
    }

    /**
     * Reads past the last byte.
     *
     * @throws CorruptContentException if there is another
     */
    public void requireEnd() throws IOException {
        var opened = response;
        if (opened == null) {
            return;
        }
        int more;
        try {
            more = opened.body().read();
        } catch (IOException e) {
            return; // all that was promised has come
        }
        if (more >= 0) {
            throw tooLong();
        }
    }

    private CorruptContentException tooLong() {
        return new CorruptContentException("cannot read blob " + blob.digest() + " of " + source
                + ": it has more than the " + blob.size().bytes() + " bytes that were promised");
    }

    private Response open() throws IOException {
        var known = response;
        if (known != null) {
            return known;
        }
        if (closed) {
            throw new IOException("the stream is closed");
        }
        var opened = source.open(blob, at, task);
        response = opened;
        if (closed) {
            opened.close();
        }
        position(opened);
        return opened;
    }

    /** Sees to it that the next byte is the one at {@link #at}. */
    private void position(Response opened) throws IOException {
        if (opened.status() == 206) {
            var range = opened.header("Content-Range").orElse("");
            if (!range.startsWith("bytes " + at + "-")) {
                throw new IOException("another range came than was asked for");
            }
        } else if (opened.status() == 200) {
            if (opened.length() > blob.size().bytes()) {
                throw tooLong();
            }
            opened.body().skipNBytes(at);
        } else {
            throw new IOException("the range was refused");
        }
    }

    /** @throws IOException if this was closed meanwhile, which is not the registry's fault */
    private void mend(IOException failure) throws IOException {
        closeResponse();
        if (closed) {
            throw new IOException("the stream is closed", failure);
        }
        if (at - counted >= PROGRESS) {
            backoff.reset();
            counted = at;
        }
        if (!backoff.allowsAnother()) {
            throw source.failed(failure, task);
        }
        retrying.run();
        backoff.await(failure instanceof Conversation.PassingException passing ? passing.pause() : Duration.ZERO, task);
    }

    private void closeResponse() {
        var open = response;
        response = null;
        if (open != null) {
            open.close();
        }
    }

    /** May be called by any thread. */
    @Override
    public void close() {
        closed = true;
        closeResponse();
    }
}
