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

    ImageConfig config();

    /** Oldest first; entries without a layer included. */
    List<HistoryEntry> history();

    /** Gives this image another name, taking it from the image that had it. */
    Image tag(String newName);

    /** Removes this image and all its names. See {@link Images#remove}. */
    void remove();
}
