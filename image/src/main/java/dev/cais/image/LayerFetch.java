package dev.cais.image;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.ProgressEvent.Phase;
import dev.cais.StorageException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.layer.LayerSource;
import dev.cais.image.layer.LayerUnpacker;
import dev.cais.image.registry.BlobStream;
import dev.cais.image.registry.Task;
import dev.cais.storage.PartialBlob;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.UncheckedIOException;

/**
 * Fetches one layer: its blob and its files, in one pass. Who else wants the blob meanwhile waits for its lock, who wants the files
 * for theirs; whoever has both took them in this order.
 */
final class LayerFetch {
    private final Store store;
    private final ImageLimits limits;
    private final Remote remote;
    private final Descriptor blob;
    private final Digest diffId;
    private final boolean known;
    private final Progress.LayerProgress progress;
    private final Task task;

    /** Who has the blob: see {@link dev.cais.image.registry.Repository#blob}. */
    interface Remote {
        BlobStream blob(Descriptor blob, long offset, Runnable retrying, Task task);
    }

    /** @param known whether an image of the store says that this blob is this layer */
    LayerFetch(
            Store store,
            ImageLimits limits,
            Remote remote,
            Descriptor blob,
            Digest diffId,
            boolean known,
            Progress.LayerProgress progress,
            Task task) {
        this.store = store;
        this.limits = limits;
        this.remote = remote;
        this.blob = blob;
        this.diffId = diffId;
        this.known = known;
        this.progress = progress;
        this.task = task;
    }

    /** @throws CorruptContentException if the content is not what was promised; then the store has nothing of it */
    void run() {
        try {
            if (store.blobs().find(blob.digest()).isPresent()) {
                unpackStored();
                progress.phase(Phase.EXISTS);
                return;
            }
            progress.phase(Phase.WAITING);
            while (!fetch()) {
                // what an earlier attempt left was wrong, and is gone
            }
            progress.phase(Phase.DONE);
        } catch (IOException e) {
            throw IoFailure.of(task.cannot(), e);
        }
    }

    /** Whether the store has the layer now; otherwise there is no obstacle any more. */
    private boolean fetch() throws IOException {
        var found = store.blobs().fetch(blob.digest(), blob.size().bytes());
        if (found.isEmpty()) {
            unpackStored();
            return true;
        }
        try (var partial = found.get()) {
            try {
                download(partial);
                return true;
            } catch (CorruptContentException e) {
                partial.discard();
                if (partial.earlierSize() == 0) {
                    throw e;
                }
                return false;
            } catch (StorageException e) {
                partial.discard(); // a full disk has better use for it
                throw e;
            }
        }
    }

    private void download(PartialBlob partial) throws IOException {
        var arriving = remote.blob(blob, partial.earlierSize(), () -> progress.phase(Phase.RETRYING), task);
        try (var download = new Download(partial, arriving, progress)) {
            var used = new boolean[1];
            new LayerUnpacker(store.layers(), limits)
                    .unpack(new LayerSource(
                            diffId,
                            () -> {
                                used[0] = true;
                                return download;
                            },
                            () -> finish(download)));
            if (!used[0]) {
                IncomingLayer.requireDiffId(download, diffId, "layer " + blob.digest(), limits);
                finish(download);
            }
        }
    }

    private static void finish(Download download) {
        try {
            download.finish();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void unpackStored() throws IOException {
        var used = new boolean[1];
        new LayerUnpacker(store.layers(), limits).unpack(new LayerSource(diffId, () -> {
            used[0] = true;
            return store.blobs().open(blob.digest());
        }));
        if (!used[0] && !known && !blob.digest().equals(diffId)) {
            IncomingLayer.requireDiffId(store.blobs(), blob.digest(), diffId, "layer " + blob.digest(), limits);
        }
    }
}
