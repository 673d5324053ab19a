package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How an image is signed. The methods return changed copies.
 *
 * @param reference the name to vouch for; empty for the repository that holds the image, as cosign does it. Some policies of
 *     containers want it with its tag
 * @param annotations what else to say in the signature
 * @param credentials for this signature alone; empty for those of the engine or of configuration files
 */
public record SignOptions(String reference, Map<String, String> annotations, Optional<Credentials> credentials) {
    private static final SignOptions DEFAULTS = new SignOptions("", Map.of(), Optional.empty());

    public SignOptions {
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
    }

    public static SignOptions defaults() {
        return DEFAULTS;
    }

    public SignOptions reference(String name) {
        return new SignOptions(name, annotations, credentials);
    }

    public SignOptions annotation(String key, String value) {
        return new SignOptions(reference, ContainerSpec.put(annotations, key, value), credentials);
    }

    public SignOptions credentials(Credentials changed) {
        return new SignOptions(reference, annotations, Optional.of(changed));
    }
}
