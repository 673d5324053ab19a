package dev.cais.image.registry;

import dev.cais.ByteSize;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * One blob on its way to a registry: in one PUT, or in chunks. After a failure it goes on behind what the registry says it has; if the
 * registry has given the upload up, it begins anew.
 */
final class BlobUpload {
    private final Uploads uploads;
    private final Repository.Upload upload;
    private final long chunk;
    private final Repository.UploadProgress progress;
    private final Task task;
    private final String what;
    private final Backoff backoff;
    private @Nullable URI url;
    private long at;

    BlobUpload(
            Uploads uploads, Repository.Upload upload, ByteSize chunk, Repository.UploadProgress progress, Task task) {
        this.uploads = uploads;
        this.upload = upload;
        this.chunk = chunk.bytes();
        this.progress = progress;
        this.task = task;
        this.what = "blob " + upload.blob().digest();
        this.backoff = new Backoff(uploads.retries());
    }

    void run() {
        while (true) {
            try {
                if (send()) {
                    return;
                }
                backoff.reset();
            } catch (IOException e) {
                recover(e);
            }
        }
    }

    private void recover(IOException failure) {
        if (!backoff.allowsAnother()) {
            throw uploads.failed(failure, task);
        }
        progress.retrying();
        backoff.await(failure instanceof Conversation.PassingException passing ? passing.pause() : Duration.ZERO, task);
        resume();
    }

    /** Sends the next part; whether that was the end. */
    private boolean send() throws IOException {
        var target = url;
        if (target == null) {
            at = 0;
            target = uploads.begin(what, task);
            url = target;
        }
        var size = upload.blob().size().bytes();
        var start = at;
        var sent = new Object() {
            long count = start;
        };
        if (start == 0 && size <= chunk || start == size) {
            var content = start == size && size > 0 ? Request.Content.NONE : part(upload, 0, size);
            uploads.put(target, upload.blob().digest(), content, more -> progress.sent(sent.count += more), what, task);
            return true;
        }
        var part = part(upload, start, Math.min(chunk, size - start));
        var state = uploads.patch(target, start, part, more -> progress.sent(sent.count += more), what, task);
        url = state.url();
        at = state.received();
        return false;
    }

    /** A part of a blob. */
    static Request.Content part(Repository.Upload upload, long offset, long length) {
        return new Request.Content(length, () -> {
            try {
                return new Limited(upload.source().open(offset), length);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private void resume() {
        var target = url;
        url = null;
        if (target == null) {
            return;
        }
        try {
            var state = uploads.state(target, task);
            if (state.isPresent()
                    && state.get().received() <= upload.blob().size().bytes()) {
                url = state.get().url();
                at = state.get().received();
            }
        } catch (IOException e) {
            // then from the beginning
        }
        progress.sent(url == null ? 0 : at);
    }

    /** The first bytes of a stream. */
    private static final class Limited extends FilterInputStream {
        private long left;

        Limited(InputStream source, long length) {
            super(source);
            left = length;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            if (left == 0) {
                return -1;
            }
            var count = in.read(bytes, offset, (int) Math.min(length, left));
            left -= Math.max(0, count);
            return count;
        }
    }
}
