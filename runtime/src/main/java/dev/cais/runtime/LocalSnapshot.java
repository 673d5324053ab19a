package dev.cais.runtime;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.Layer;
import dev.cais.Platform;
import dev.cais.Snapshot;
import dev.cais.image.Nameless;
import dev.cais.storage.ContainerFiles;
import java.util.ArrayList;
import java.util.List;

/** A snapshot of this engine, and the image that its clones are made of. */
final class LocalSnapshot implements Snapshot {
    private static final String MEDIA_TYPE = "";

    private final Snapshots owner;
    private final Digest id;
    private final Image base;
    private final List<Layer> below;
    private final ImageConfig config;
    private final ContainerFiles files;

    LocalSnapshot(Snapshots owner, Digest id, Image base, List<Layer> below, ContainerSpec spec, ContainerFiles files) {
        this.owner = owner;
        this.id = id;
        this.base = base;
        this.below = List.copyOf(below);
        this.config = config(base.config(), spec);
        this.files = files;
    }

    /** As Docker's commit puts it together: the container's words over its image's. */
    static ImageConfig config(ImageConfig image, ContainerSpec spec) {
        var changed = image.env(spec.env()).label(spec.labels());
        if (spec.entrypoint().isPresent()) {
            changed = changed.entrypoint(spec.entrypoint().get()).command(List.of());
        }
        if (spec.command().isPresent()) {
            changed = changed.command(spec.command().get());
        }
        if (!spec.user().isEmpty()) {
            changed = changed.user(spec.user());
        }
        if (!spec.workdir().isEmpty()) {
            changed = changed.workdir(spec.workdir());
        }
        if (!spec.stopSignal().isEmpty()) {
            changed = changed.stopSignal(spec.stopSignal());
        }
        return spec.health().map(changed::health).orElse(changed);
    }

    @Override
    public String id() {
        return id.toString();
    }

    Digest imageId() {
        return id;
    }

    @Override
    public Image base() {
        return base;
    }

    @Override
    public ImageConfig config() {
        return config;
    }

    ContainerFiles files() {
        return files;
    }

    /** What the container had written, under the snapshot's own number. */
    Layer layer() {
        return new Layer(id, id, ByteSize.bytes(0), MEDIA_TYPE);
    }

    /** Oldest first. */
    List<Layer> layers() {
        var layers = new ArrayList<>(below);
        layers.add(layer());
        return layers;
    }

    @Override
    public void close() {
        owner.remove(this);
    }

    /** The image of the store that a container's image goes back to. */
    static Image origin(Image image) {
        var origin = image;
        while (origin instanceof Clones clones) {
            origin = clones.base();
        }
        return origin;
    }

    /** What a clone has in the place of an image. */
    Image asImage() {
        return new Clones();
    }

    private final class Clones implements Nameless {
        Image base() {
            return base;
        }

        @Override
        public Digest id() {
            return id;
        }

        @Override
        public Platform platform() {
            return base.platform();
        }

        @Override
        public ByteSize size() {
            return base.size();
        }

        @Override
        public List<Layer> layers() {
            return LocalSnapshot.this.layers();
        }

        @Override
        public List<FileChange> changes(Layer layer) {
            return owner.changes(layers(), layer);
        }

        @Override
        public ImageConfig config() {
            return config;
        }

        @Override
        public List<HistoryEntry> history() {
            return base.history();
        }

        @Override
        public Image tag(String newName) {
            throw new ConflictException("cannot name a snapshot " + newName + ": only its engine knows it");
        }

        @Override
        public void remove() {
            close();
        }

        @Override
        public String toString() {
            return LocalSnapshot.this.toString();
        }
    }

    /** {@code Snapshot[3f2a91c04e77 of Image[…]]}. */
    @Override
    public String toString() {
        return "Snapshot[" + id.abbreviated() + " of " + base + "]";
    }
}
