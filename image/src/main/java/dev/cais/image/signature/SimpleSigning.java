package dev.cais.image.signature;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.image.oci.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The document that is signed: which digest, called what.
 *
 * @param reference as the signer wrote it
 * @param annotations of the optional part, those that are text
 * @see <a href="https://github.com/containers/image/blob/main/docs/containers-signature.5.md">containers-signature(5)</a>
 */
record SimpleSigning(Digest image, String reference, Map<String, String> annotations) {
    static final String MEDIA_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
    private static final String TYPE = "cosign container image signature";

    /** @throws CorruptContentException if it is another document, or its critical part has something unknown */
    static SimpleSigning parse(byte[] payload, String document) {
        var json = JsonObject.parse(payload, document);
        var critical = json.object("critical");
        requireOnly(critical, Set.of("type", "image", "identity"));
        if (!critical.text("type").equals(TYPE)) {
            throw critical.wrong("type", "is not " + TYPE);
        }
        var image = critical.object("image");
        requireOnly(image, Set.of("docker-manifest-digest"));
        var identity = critical.object("identity");
        requireOnly(identity, Set.of("docker-reference"));
        var annotations = new LinkedHashMap<String, String>();
        json.objectOrEmpty("optional").toMap().forEach((name, value) -> {
            if (value instanceof String text) {
                annotations.put(name, text);
            }
        });
        return new SimpleSigning(
                image.digest("docker-manifest-digest"), identity.text("docker-reference"), annotations);
    }

    /** What is critical must be understood. */
    private static void requireOnly(JsonObject object, Set<String> known) {
        for (var name : object.toMap().keySet()) {
            if (!known.contains(name)) {
                throw object.wrong(name, "is unknown");
            }
        }
    }

    byte[] toBytes() {
        var critical = new LinkedHashMap<String, Object>();
        critical.put("identity", Map.of("docker-reference", reference));
        critical.put("image", Map.of("docker-manifest-digest", image));
        critical.put("type", TYPE);
        var fields = new LinkedHashMap<String, @Nullable Object>();
        fields.put("critical", critical);
        fields.put("optional", annotations.isEmpty() ? null : annotations);
        return JsonObject.write(fields);
    }
}
