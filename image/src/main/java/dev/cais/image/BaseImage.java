package dev.cais.image;

import dev.cais.Image;
import java.util.Optional;

/**
 * What a build begins with.
 *
 * @param image whose documents are known
 * @param rest brings it to the store with its layers; empty if it is there
 */
public record BaseImage(Image image, Optional<Runnable> rest) {}
