package dev.cais.storage;

import dev.cais.Digest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A container's directory: {@code upper}, {@code work} and {@code root} for its overlay, and room for what else it needs. */
public final class ContainerFiles implements AutoCloseable {
    private final Path directory;
    private final Map<Digest, List<Path>> mounted;
    private volatile List<Path> layers;

    ContainerFiles(Path directory, List<Path> layers, Map<Digest, List<Path>> mounted) {
        this.directory = directory;
        this.layers = List.copyOf(layers);
        this.mounted = Map.copyOf(mounted);
    }

    public Path directory() {
        return directory;
    }

    /** What its root shows below {@link #upper()}, oldest first. */
    public List<Path> layers() {
        return layers;
    }

    /**
     * Those of another image whose files are mounted in the container, oldest first.
     *
     * @param image one of those that the container was made with
     */
    public List<Path> layersOf(Digest image) {
        return mounted.getOrDefault(image, List.of());
    }

    /** What the container writes. Owner and mode are those of the newest layer's root, which the container's root shows. */
    public Path upper() {
        return directory.resolve("upper");
    }

    /** For overlayfs alone. */
    public Path work() {
        return directory.resolve("work");
    }

    /** Empty: where to mount the container's root, in its own mount namespace. */
    public Path root() {
        return directory.resolve("root");
    }

    /**
     * Gives all that was written to others, by one rename, and goes on with nothing on top of it. Nothing may be mounted from here.
     *
     * @param others whose empty {@link #upper()} it becomes
     */
    public void moveUpperTo(ContainerFiles others) {
        var fresh = directory.resolve("upper.new");
        Disk.removeTree(fresh);
        Disk.makeDirectory(fresh, 0755);
        Disk.makeAlike(fresh, upper());
        Disk.rename(upper(), others.upper());
        Disk.rename(fresh, upper());
        var more = new ArrayList<>(layers);
        more.add(others.upper());
        layers = List.copyOf(more);
    }

    /** Keeps more layers from being swept, as long as these files are there. Hold {@link Store#lockShared()}. For one thread at a time. */
    public void use(Iterable<Digest> diffIds) {
        var lines = new StringBuilder();
        diffIds.forEach(diffId -> lines.append(diffId).append('\n'));
        Disk.append(directory.resolve(Store.USES), lines.toString().getBytes(StandardCharsets.US_ASCII));
    }

    /** Where an anonymous volume of this name lies. */
    public Path volume(String name) {
        return volumes().resolve(name);
    }

    /** Makes an anonymous volume, which goes with these files: mode 0755, root's, empty. */
    public Path createVolume(String name) {
        Disk.makeDirectory(volumes(), 0700); // may hold other people's setuid programs
        Disk.makeDirectory(volume(name), 0755);
        return volume(name);
    }

    private Path volumes() {
        return directory.resolve("volumes");
    }

    /** Removes the directory with all in it. Nothing may be mounted below it in this mount namespace. Repeating is harmless. */
    @Override
    public void close() {
        Disk.removeTree(directory);
    }
}
