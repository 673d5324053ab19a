package dev.cais.image;

import dev.cais.EventAction;
import java.util.Map;

/** Is told of what a catalog's callers have done to its images, after it is done. Must neither block nor throw. */
@FunctionalInterface
public interface ImageListener {
    /**
     * @param id of the image; empty for {@link EventAction#PRUNE}
     * @param attributes {@code name}, if one was meant or it has one; {@code reclaimed} bytes of a pruning
     */
    void happened(EventAction action, String id, Map<String, String> attributes);
}
