package dev.cais.storage;

import java.nio.file.Path;
import java.util.Optional;

/** A layer's files unpacked once more, beside those in the store, to compare and perhaps to replace them. */
public final class LayerCheck implements AutoCloseable {
    private final Path inStore;
    private final Path fresh;
    private final Optional<String> difference;

    LayerCheck(Path inStore, Path fresh) {
        this.inStore = inStore;
        this.fresh = fresh;
        this.difference = fingerprint(inStore).difference(fingerprint(fresh));
    }

    private static TreeFingerprint fingerprint(Path tree) {
        var fingerprint = new TreeFingerprint();
        TreeWalk.walk(tree, Names.NONE, TreeWalk.Scope.LAYER, fingerprint);
        return fingerprint;
    }

    /** The first path whose type, owner, mode, time of change, attributes or content is another; empty if none is. */
    public Optional<String> difference() {
        return difference;
    }

    /** Puts the fresh files in the place of the others, at once. Hold {@link Store#lockExclusive()}; no container may use the layer. */
    public void replace() {
        Disk.exchange(fresh, inStore);
    }

    /** Removes what is not in the store. */
    @Override
    public void close() {
        Disk.removeTree(fresh);
    }
}
