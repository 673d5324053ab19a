package dev.cais.runtime;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.StorageException;
import dev.cais.image.Nameless;
import dev.cais.image.oci.Hash;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A directory of the host in the place of an image, with nothing but its files. Containers of an engine that begin with the same one
 * have the same.
 *
 * @param id of its name: nothing's digest
 * @param directory with every link followed
 * @param store of whose engine it is a layer
 */
record Rootfs(Digest id, Path directory, Store store) implements Nameless {
    /** So that it fits among the options of a mount, with a backslash before each letter. */
    private static final int LONGEST = 1000;

    /**
     * Looks at the directory, and makes it a layer of this engine's.
     *
     * @param cannot as in {@code cannot create container web}
     */
    static Rootfs open(String cannot, Path named, Store store) {
        if (!named.isAbsolute()) {
            throw new InvalidSpecException(
                    cannot + ": its root directory " + named + " is not absolute", "name it from / on");
        }
        if (!Files.isDirectory(named)) {
            throw new NotFoundException(
                    cannot + ": there is no directory " + named + " on the host to begin with", "check its name");
        }
        try {
            var directory = named.toRealPath();
            if (store.root().toRealPath().startsWith(directory)) {
                throw new InvalidSpecException(
                        cannot + ": its root directory " + directory + " contains the store " + store.root()
                                + ", where its own files are to be",
                        "choose another directory, or a store elsewhere");
            }
            if (directory.toString().length() > LONGEST) {
                throw new InvalidSpecException(
                        cannot + ": the name of its root directory is longer than " + LONGEST + " letters");
            }
            var rootfs =
                    new Rootfs(Hash.sha256(("rootfs:" + directory).getBytes(StandardCharsets.UTF_8)), directory, store);
            store.layers().addOwn(rootfs.id(), directory);
            return rootfs;
        } catch (IOException e) {
            throw new StorageException(cannot + ": its root directory cannot be read: " + e, Map.of(), "", e);
        }
    }

    @Override
    public Platform platform() {
        return Platform.host();
    }

    @Override
    public ByteSize size() {
        return ByteSize.bytes(0);
    }

    @Override
    public List<Layer> layers() {
        return List.of(new Layer(id, id, size(), ""));
    }

    @Override
    public List<FileChange> changes(Layer layer) {
        try (var hold = store.lockShared()) {
            return store.layers().changes(layers(), layer);
        }
    }

    @Override
    public ImageConfig config() {
        return ImageConfig.EMPTY;
    }

    @Override
    public List<HistoryEntry> history() {
        return List.of();
    }

    @Override
    public Image tag(String newName) {
        throw noImage("name " + directory + " " + newName);
    }

    @Override
    public void remove() {
        throw noImage("remove " + directory);
    }

    ConflictException noImage(String what) {
        return new ConflictException(
                "cannot " + what + ": it is a directory of the host, and no image",
                "import a tar of it: images().importRootfs(tar, name)");
    }

    /** {@code Rootfs[/srv/debian]}. */
    @Override
    public String toString() {
        return "Rootfs[" + directory + "]";
    }
}
