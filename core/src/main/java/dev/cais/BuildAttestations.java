package dev.cais;

/**
 * What is said beside each image, in an index that has both. See {@link Images#attestations}.
 *
 * @param sbom whether it has a bill of its materials
 * @param provenance how much is said of how it was made
 */
public record BuildAttestations(boolean sbom, ProvenanceMode provenance) {
    /** Nothing. */
    public static final BuildAttestations NONE = new BuildAttestations(false, ProvenanceMode.NONE);

    /** Whether anything is said. */
    public boolean isAny() {
        return sbom || provenance != ProvenanceMode.NONE;
    }

    BuildAttestations withSbom() {
        return new BuildAttestations(true, provenance);
    }

    BuildAttestations provenance(ProvenanceMode mode) {
        return new BuildAttestations(sbom, mode);
    }
}
