package dev.cais;

import java.util.Map;

/**
 * The container that a {@link LogDriver} gets lines of.
 *
 * @param id 64 hexadecimal digits
 * @param image as its spec names it
 * @param env those of its spec and its image
 */
public record LogOrigin(
        String id, String name, String image, Digest imageId, Map<String, String> labels, Map<String, String> env) {}
