package dev.cais;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The named volumes of a store, which all its engines share. A name has two or more letters, digits, {@code _ . -}, the first a
 * letter or digit, and at most 255.
 *
 * <p>Not here: the anonymous volumes that a container gets for the {@code VOLUME}s of its image and for mounts without a name. Each
 * belongs to its container, lies with its files and goes with it.
 *
 * <p>All methods throw {@link StorageException} if the store cannot be read or written.
 */
public interface Volumes {
    /** An empty volume with a made-up name of 64 hexadecimal digits. */
    Volume create();

    /**
     * The volume of this name: made, if there is none.
     *
     * @throws InvalidSpecException if it is no name for a volume
     */
    default Volume create(String name) {
        return create(name, Map.of());
    }

    /** The same; a volume that is there keeps its own labels. */
    Volume create(String name, Map<String, String> labels);

    /** @throws NotFoundException with the names there are */
    Volume get(String name);

    Optional<Volume> find(String name);

    /** All, by name. */
    default List<Volume> list() {
        return list(VolumeFilter.ALL);
    }

    /** Those that match, by name. */
    List<Volume> list(VolumeFilter filter);

    /**
     * {@link Volume#remove()} by name.
     *
     * @throws ConflictException if a container uses it, running or not, of whichever engine
     * @throws NotFoundException if there is none
     */
    void remove(String name);

    /**
     * Removes those that no container uses and that were made without a name, as {@code docker volume prune} does.
     *
     * @return their names, in order
     */
    List<String> prune();

    /** Removes all that no container uses: with them goes whatever was to be kept for later. */
    List<String> pruneAll();
}
