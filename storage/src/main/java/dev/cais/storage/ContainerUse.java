package dev.cais.storage;

import dev.cais.Digest;
import java.util.List;

/**
 * What a container of a live engine needs of the store.
 *
 * @param image the image's configuration digest
 * @param layers diff IDs, oldest first
 */
public record ContainerUse(String engine, String container, Digest image, List<Digest> layers) {
    public ContainerUse {
        layers = List.copyOf(layers);
    }
}
