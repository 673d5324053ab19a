package dev.cais.storage;

import dev.cais.Digest;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a container of a live engine needs of the store.
 *
 * @param image the image's configuration digest
 * @param mounted those of other images whose files it has mounted
 * @param layers diff IDs, the image's oldest first, and those of the mounted ones
 * @param volumes names of the store's volumes; its anonymous ones lie with its own files
 */
public record ContainerUse(
        String engine,
        String container,
        Digest image,
        List<Digest> mounted,
        List<Digest> layers,
        List<String> volumes) {
    public ContainerUse {
        mounted = List.copyOf(mounted);
        layers = List.copyOf(layers);
        volumes = List.copyOf(volumes);
    }

    /** Configuration digests. */
    public Stream<Digest> images() {
        return Stream.concat(Stream.of(image), mounted.stream());
    }

    public boolean needs(Digest wanted) {
        return images().anyMatch(wanted::equals);
    }
}
