package dev.cais;

import java.time.Instant;
import java.util.Optional;

/**
 * One step of an image's making.
 *
 * @param createdBy the command, or empty
 * @param comment or empty
 * @param author or empty
 * @param emptyLayer whether the step made no layer
 */
public record HistoryEntry(
        Optional<Instant> created, String createdBy, String comment, String author, boolean emptyLayer) {}
