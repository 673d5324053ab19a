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
 * @param referrer whether the signature is stored as an artifact that refers to the image (OCI 1.1), and not under a tag
 * @param credentials for this signature alone; empty for those of the engine or of configuration files
 */
public record SignOptions(
        String reference, Map<String, String> annotations, boolean referrer, Optional<Credentials> credentials) {
    private static final SignOptions DEFAULTS = new SignOptions("", Map.of(), false, Optional.empty());

    public SignOptions {
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
    }

    public static SignOptions defaults() {
        return DEFAULTS;
    }

    public SignOptions reference(String name) {
        return new SignOptions(name, annotations, referrer, credentials);
    }

    public SignOptions annotation(String key, String value) {
        return new SignOptions(reference, Added.to(annotations, key, value), referrer, credentials);
    }

    /** Stores the signature as cosign does with {@code --registry-referrers-mode=oci-1-1}. */
    public SignOptions asReferrer() {
        return new SignOptions(reference, annotations, true, credentials);
    }

    public SignOptions credentials(Credentials changed) {
        return new SignOptions(reference, annotations, referrer, Optional.of(changed));
    }
}
