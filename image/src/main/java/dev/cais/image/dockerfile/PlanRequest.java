package dev.cais.image.dockerfile;

import dev.cais.Platform;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What a build asks of a Dockerfile.
 *
 * @param target a stage by name or number; empty for the last
 * @param arguments by name
 * @param host that builds
 * @param platform that is built for
 * @param contexts names of further contexts: each stands in place of the stage or image of that name
 */
public record PlanRequest(
        String target, Map<String, String> arguments, Platform host, Platform platform, Set<String> contexts) {
    public PlanRequest {
        arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
        contexts = Set.copyOf(contexts);
    }

    /** The last stage, for this host, without arguments. */
    public static PlanRequest of(Platform host) {
        return new PlanRequest("", Map.of(), host, host, Set.of());
    }
}
