package dev.cais.image.registry;

import java.io.IOException;
import java.time.Duration;

/** A connection that no byte came or went through for too long. */
final class StalledException extends IOException {
    private static final long serialVersionUID = 1L;

    StalledException(Duration limit) {
        super("nothing came for " + Task.shown(limit));
    }
}
