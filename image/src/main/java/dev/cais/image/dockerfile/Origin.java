package dev.cais.image.dockerfile;

import dev.cais.Platform;
import dev.cais.image.oci.ImageReference;

/** Where files come from: what a stage begins with, and what {@code --from} names. */
public sealed interface Origin {
    /** {@code scratch}: nothing. */
    record Scratch() implements Origin {}

    /** The result of a stage of the same file. */
    record OfStage(int number) implements Origin {}

    /** An image of a store or a registry. */
    record OfImage(ImageReference name, Platform platform) implements Origin {}

    /** A context that the build was given under a name. */
    record OfContext(String name) implements Origin {}
}
