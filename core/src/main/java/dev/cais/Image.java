package dev.cais;

import java.util.List;
import java.util.Optional;

/** An image of a store: an immutable view of one moment. */
public interface Image {
    /** The digest of the configuration: what Docker calls the image id. */
    Digest id();

    /** The digest of the manifest it came with; empty if it came without one (docker-archive, an imported root file system). */
    Optional<Digest> digest();

    /** Its names, sorted, as {@code name:tag}; the default registry and {@code library/} are left out, as Docker does. */
    List<String> tags();

    Platform platform();

    /** Bytes of its layers as stored, compressed or not. */
    ByteSize size();

    /** Oldest first. */
    List<Layer> layers();

    /**
     * What one layer did to the files of those below it, in order of paths; of the oldest all is added. A directory is changed if it has
     * another owner or mode, or something in it is told of; any other file that was there before is, whatever its content.
     *
     * @param layer one of {@link #layers()}; of equal ones the oldest is meant
     * @throws InvalidSpecException if it is none of them
     * @throws NotFoundException if the store no longer has its files
     */
    List<FileChange> changes(Layer layer);

    /**
     * The layers that this image and another one begin with, oldest first: the same files on the same files, of which a store has one
     * copy.
     */
    default List<Layer> sharedLayers(Image other) {
        var mine = layers();
        var theirs = other.layers();
        var count = 0;
        while (count < Math.min(mine.size(), theirs.size())
                && mine.get(count).diffId().equals(theirs.get(count).diffId())) {
            count++;
        }
        return mine.subList(0, count);
    }

    ImageConfig config();

    /** Oldest first; entries without a layer included. */
    List<HistoryEntry> history();

    /** Gives this image another name, taking it from the image that had it. */
    Image tag(String newName);

    /** Removes this image and all its names. See {@link Images#remove}. */
    void remove();
}
