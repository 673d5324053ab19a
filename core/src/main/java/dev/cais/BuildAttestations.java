package dev.cais;

/**
 * What is said beside each image, in an index that has both. See {@link Images#attestations}.
 *
 * @param sbom whether it has a bill of its materials
 * @param provenance how much is said of how it was made
 * @param version in which form that is
 */
public record BuildAttestations(boolean sbom, ProvenanceMode provenance, SlsaVersion version) {
    /** Nothing. */
    public static final BuildAttestations NONE = new BuildAttestations(false, ProvenanceMode.NONE, SlsaVersion.V1);

    /** Whether anything is said. */
    public boolean isAny() {
        return sbom || provenance != ProvenanceMode.NONE;
    }

    BuildAttestations withSbom() {
        return new BuildAttestations(true, provenance, version);
    }

    BuildAttestations provenance(ProvenanceMode mode, SlsaVersion form) {
        return new BuildAttestations(sbom, mode, form);
    }
}
