package dev.cais.image.attestation;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What is said of an image.
 *
 * @param type a URI
 * @param content as JSON has it
 */
public record Predicate(String type, Map<String, Object> content) {
    public Predicate {
        content = Collections.unmodifiableMap(new LinkedHashMap<>(content));
    }
}
