package dev.cais;

import java.util.List;

/**
 * What pruning removed.
 *
 * @param images as they were, newest first
 * @param reclaimed bytes that nothing needs any more; if somebody loads or builds at that moment, they are freed when that is done
 */
public record Pruned(List<Image> images, ByteSize reclaimed) {
    public Pruned {
        images = List.copyOf(images);
    }
}
