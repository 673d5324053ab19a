package dev.cais.runtime.build;

import dev.cais.BuildContext;
import dev.cais.BuildDefinition;
import dev.cais.BuildSpec;
import dev.cais.Platform;
import dev.cais.ProvenanceMode;
import dev.cais.image.BuildResult;
import dev.cais.image.attestation.Predicate;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.attestation.SpdxDocument;
import dev.cais.image.oci.ImageReference;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/** What a build says of its images, if it is asked to. */
final class Attesting {
    private final BuildSpec spec;
    private final Workplace workplace;
    private final Instant started = Instant.now();

    Attesting(BuildSpec spec, Workplace workplace) {
        this.spec = spec;
        this.workplace = workplace;
    }

    /** @param epoch the time of bills of materials, if it is given */
    BuildResult.Said of(Construction construction, StageFiles files, Optional<Instant> epoch) {
        var predicates = new ArrayList<Predicate>();
        if (spec.attestations().sbom()) {
            var name = spec.metadata().tags().isEmpty()
                    ? "image"
                    : spec.metadata().tags().get(0);
            var created = epoch.orElseGet(Instant::now);
            predicates.add(workplace.mounted("the result", files, root -> SpdxDocument.of(root, name, created)));
            predicates.addAll(construction.eachScanned(
                    (what, root, ignored) -> SpdxDocument.of(root, what, created, ignored::leaveOut)));
        }
        var provenance = spec.attestations().provenance();
        if (provenance != ProvenanceMode.NONE) {
            predicates.add(provenance(construction)
                    .predicate(spec.attestations().version(), provenance == ProvenanceMode.MAX));
        }
        return new BuildResult.Said(names(construction.platform()), predicates);
    }

    private List<String> names(Platform platform) {
        return spec.metadata().tags().stream()
                .map(ImageReference::parse)
                .map(name -> Provenance.imageUrl(
                        name.familiarRepository(), name.tag().orElse(""), platform))
                .toList();
    }

    private Provenance provenance(Construction construction) {
        var contexts = new LinkedHashMap<String, String>();
        contexts.put("context", kind(spec.context()));
        spec.contexts().forEach((name, context) -> contexts.put("context:" + name, kind(context)));
        return new Provenance(
                spec.definition() instanceof BuildDefinition.DockerfileAt file
                        ? file.path()
                        : construction.dockerfile().name(),
                spec.target(),
                spec.args(),
                spec.access().secrets().keySet(),
                contexts,
                Platform.host(),
                construction.materials(),
                construction.instructions(),
                started,
                Instant.now());
    }

    /** Of a directory of this host nobody else needs to know where it is. */
    private static String kind(BuildContext context) {
        return context instanceof BuildContext.Directory ? "local" : context.toString();
    }
}
