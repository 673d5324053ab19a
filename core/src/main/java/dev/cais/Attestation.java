package dev.cais;

import java.nio.charset.StandardCharsets;

/**
 * Something that is said of an image beside it, in the index that both are in.
 *
 * @param image digest of the manifest that it is about
 * @param predicateType a URI: {@code https://spdx.dev/Document} is a bill of materials, {@code https://slsa.dev/provenance/v1} says how it
 *     was made
 * @param statement a document of in-toto, JSON; not copied
 * @see <a href="https://docs.docker.com/build/metadata/attestations/attestation-storage/">Image attestation storage</a>
 */
public record Attestation(Digest image, String predicateType, byte[] statement) {
    public String text() {
        return new String(statement, StandardCharsets.UTF_8);
    }

    /** As in {@code Attestation[https://spdx.dev/Document of sha256:4f5a1c…, 8123 bytes]}. */
    @Override
    public String toString() {
        return "Attestation[" + predicateType + " of " + image + ", " + statement.length + " bytes]";
    }
}
