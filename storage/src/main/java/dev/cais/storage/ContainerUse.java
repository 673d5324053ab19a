package dev.cais.storage;

import dev.cais.Digest;
import java.util.List;

/**
 * What a container of a live engine needs of the store.
 *
 * @param image the image's configuration digest
 * @param layers diff IDs, oldest first
 * @param volumes names of the store's volumes; its anonymous ones lie with its own files
 */
public record ContainerUse(String engine, String container, Digest image, List<Digest> layers, List<String> volumes) {
    public ContainerUse {
        layers = List.copyOf(layers);
        volumes = List.copyOf(volumes);
    }
}
