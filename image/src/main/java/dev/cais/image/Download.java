package dev.cais.image;

import dev.cais.ProgressEvent.Phase;
import dev.cais.image.registry.BlobStream;
import dev.cais.storage.PartialBlob;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * A blob on its way into the store, as whoever unpacks it reads it: first what an earlier attempt left, then what comes. All of it is
 * in the {@link PartialBlob} by then.
 */
final class Download extends InputStream {
    private final PartialBlob blob;
    private final BlobStream remote;
    private final Progress.LayerProgress progress;
    private @Nullable InputStream earlier;
    private boolean ended;

    Download(PartialBlob blob, BlobStream remote, Progress.LayerProgress progress) throws IOException {
        this.blob = blob;
        this.remote = remote;
        this.progress = progress;
        this.earlier = blob.earlier();
        progress.phase(blob.earlierSize() > 0 ? Phase.VERIFYING : Phase.DOWNLOADING);
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        var local = earlier;
        if (local != null) {
            var count = local.read(bytes, offset, length);
            if (count >= 0) {
                progress.done(Phase.VERIFYING, blob.size());
                return count;
            }
            local.close();
            earlier = null;
        }
        var count = remote.read(bytes, offset, length);
        if (count > 0) {
            blob.write(bytes, offset, count);
            progress.done(Phase.DOWNLOADING, blob.size());
        } else if (count < 0 && !ended) {
            ended = true;
            progress.phase(Phase.UNPACKING);
        }
        return count;
    }

    /** Reads whatever is left, and makes the blob visible if it is the one that was promised. */
    void finish() throws IOException {
        var scratch = new byte[64 * 1024];
        while (read(scratch, 0, scratch.length) >= 0) {
            // into the blob
        }
        blob.commit();
    }

    @Override
    public void close() throws IOException {
        remote.close();
        var local = earlier;
        if (local != null) {
            local.close();
        }
    }
}
