package dev.cais.image.attestation;

import static dev.cais.image.attestation.Statement.ordered;

import dev.cais.Digest;
import dev.cais.Platform;
import dev.cais.SlsaVersion;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How an image was made. Of secrets it has the names alone.
 *
 * @param source what was built: a Dockerfile, or a program's stage
 * @param target stage, or empty for the last
 * @param arguments by name
 * @param secrets their ids
 * @param contexts what they are, by name; the build's own has none
 * @param builder that built it
 * @param materials what it was made of, each once
 * @param steps all instructions, as they are written
 * @see <a href="https://slsa.dev/spec/v1.0/provenance">SLSA Provenance v1</a>
 */
public record Provenance(
        String source,
        String target,
        Map<String, String> arguments,
        Collection<String> secrets,
        Map<String, String> contexts,
        Platform builder,
        List<Material> materials,
        List<String> steps,
        Instant started,
        Instant finished) {
    private static final String TYPE = "https://slsa.dev/provenance/v1";

    private static final String TYPE_02 = "https://slsa.dev/provenance/v0.2";
    private static final String BUILD_TYPE_02 = "https://mobyproject.org/buildkit@v1";

    /** What the parameters mean: BuildKit's, as far as there are like ones. */
    private static final String BUILD_TYPE =
            "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";

    /**
     * @param uri as in {@code pkg:docker/debian@12?platform=linux%2Famd64}
     * @param algorithm of a digest of it: {@code sha256}, or {@code sha1} of a commit
     * @param hex the digest
     */
    public record Material(String uri, String algorithm, String hex) {
        /**
         * An image.
         *
         * @param name without tag
         * @param digest of its manifest
         */
        public static Material ofImage(String name, String tag, Platform platform, Digest digest) {
            return of(imageUrl(name, tag, platform), digest);
        }

        public static Material of(String uri, Digest digest) {
            return new Material(uri, digest.algorithm(), digest.hex());
        }

        public static Material ofCommit(String uri, String commit) {
            return new Material(uri, commit.length() == 64 ? "sha256" : "sha1", commit);
        }
    }

    public Provenance {
        arguments = new TreeMap<>(arguments);
        secrets = List.copyOf(secrets);
        contexts = new TreeMap<>(contexts);
        materials = List.copyOf(materials);
        steps = List.copyOf(steps);
    }

    /**
     * As in {@code pkg:docker/debian@12?platform=linux%2Famd64}.
     *
     * @param name without tag
     */
    public static String imageUrl(String name, String tag, Platform platform) {
        return "pkg:docker/" + name + (tag.isEmpty() ? "" : "@" + SoftwarePackage.encoded(tag)) + "?platform="
                + SoftwarePackage.encoded(platform.toString());
    }

    /**
     * In a version's form.
     *
     * @param whole whether it tells the arguments' values, names of secrets and all steps: {@code mode=max}
     */
    public Predicate predicate(SlsaVersion version, boolean whole) {
        return version == SlsaVersion.V1 ? v1(whole) : v02(whole);
    }

    private Map<String, Object> request(boolean whole) {
        var request = ordered("frontend", "dockerfile.v0");
        if (!target.isEmpty()) {
            request.put("target", target);
        }
        if (whole) {
            request.put("args", named("build-arg:", arguments));
            request.put("secrets", secrets.stream().map(id -> ordered("id", id)).toList());
            request.put("contexts", new LinkedHashMap<>(contexts));
        }
        return request;
    }

    /** See <a href="https://slsa.dev/spec/v0.2/provenance">SLSA Provenance v0.2</a>. */
    private Predicate v02(boolean whole) {
        var invocation = ordered(
                "configSource", ordered("entryPoint", source),
                "parameters", request(whole),
                "environment", ordered("platform", builder.toString()));
        var metadata = ordered(
                "buildStartedOn", time(started),
                "buildFinishedOn", time(finished),
                "completeness", ordered("parameters", whole, "environment", true, "materials", false));
        metadata.put("reproducible", false);
        var predicate = ordered("builder", ordered("id", ""), "buildType", BUILD_TYPE_02, "materials", dependencies());
        predicate.put("invocation", invocation);
        if (whole) {
            predicate.put("buildConfig", ordered("instructions", steps));
        }
        predicate.put("metadata", metadata);
        return new Predicate(TYPE_02, predicate);
    }

    private Predicate v1(boolean whole) {
        var internal = ordered("builderPlatform", builder.toString());
        if (whole) {
            internal.put("buildConfig", ordered("instructions", steps));
        }
        var definition = ordered("buildType", BUILD_TYPE);
        definition.put(
                "externalParameters", ordered("configSource", ordered("path", source), "request", request(whole)));
        definition.put("internalParameters", internal);
        definition.put("resolvedDependencies", dependencies());
        var metadata = ordered(
                "startedOn", time(started),
                "finishedOn", time(finished),
                "buildkit_completeness", ordered("request", whole, "resolvedDependencies", false));
        var details = ordered("builder", ordered("id", ""), "metadata", metadata);
        return new Predicate(TYPE, ordered("buildDefinition", definition, "runDetails", details));
    }

    private static Map<String, Object> named(String prefix, Map<String, String> values) {
        var named = new LinkedHashMap<String, Object>();
        values.forEach((name, value) -> named.put(prefix + name, value));
        return named;
    }

    private List<Object> dependencies() {
        var all = new ArrayList<>();
        for (var material : materials) {
            all.add(ordered("uri", material.uri, "digest", ordered(material.algorithm, material.hex)));
        }
        return all;
    }

    private static String time(Instant instant) {
        return instant.truncatedTo(ChronoUnit.SECONDS).toString();
    }
}
