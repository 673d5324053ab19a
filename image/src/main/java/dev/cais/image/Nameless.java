package dev.cais.image;

import dev.cais.Digest;
import dev.cais.Image;
import java.util.List;
import java.util.Optional;

/** What a container may begin with in the place of an image of the store. No manifest tells of it, and it has no name. */
public interface Nameless extends Image {
    @Override
    default Optional<Digest> digest() {
        return Optional.empty();
    }

    @Override
    default List<String> tags() {
        return List.of();
    }
}
