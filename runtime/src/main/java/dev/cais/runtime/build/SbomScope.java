package dev.cais.runtime.build;

import dev.cais.image.dockerfile.BuildPlan;
import dev.cais.image.dockerfile.PlannedStage;
import dev.cais.image.dockerfile.StageState;
import dev.cais.image.oci.Truth;
import java.util.List;
import java.util.Optional;

/**
 * What bills of materials are made of beside the result, as arguments say that the Dockerfile declares: for all stages before the first, or
 * in one.
 *
 * @see <a href="https://docs.docker.com/build/metadata/attestations/sbom/">SBOM attestations</a>
 */
record SbomScope(BuildPlan plan) {
    private static final String CONTEXT = "BUILDKIT_SBOM_SCAN_CONTEXT";
    private static final String STAGE = "BUILDKIT_SBOM_SCAN_STAGE";

    /** {@code BUILDKIT_SBOM_SCAN_STAGE}: true, or names of stages between commas. The target is the result anyway. */
    boolean has(PlannedStage stage, StageState end) {
        return stage.number() != plan.target().number()
                && value(STAGE, end)
                        .filter(text -> Truth.parse(text).orElse(false)
                                || List.of(text.split(","))
                                        .contains(stage.stage().toString()))
                        .isPresent();
    }

    /** {@code BUILDKIT_SBOM_SCAN_CONTEXT}. */
    boolean hasContext(StageState end) {
        return value(CONTEXT, end).flatMap(Truth::parse).orElse(false);
    }

    private Optional<String> value(String name, StageState end) {
        var own = end.arguments().get(name);
        if (own != null) {
            return own;
        }
        var isGlobal = plan.file().arguments().stream()
                .flatMap(arg -> arg.arguments().stream())
                .anyMatch(argument -> argument.name().equals(name));
        return isGlobal ? plan.arguments().variable(name) : Optional.empty();
    }
}
