package dev.cais;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What an image is built of. The methods return changed copies.
 *
 * @param context that {@code COPY} and {@code ADD} take files from, less what its {@code .dockerignore} names
 * @param dockerfile path below the context, or an absolute path anywhere on the host; of no account if the text is given
 * @param dockerfileInline the Dockerfile's text, if it is no file
 * @param stage what is built in place of a Dockerfile
 * @param tags names that the image gets; perhaps none
 * @param args values of the Dockerfile's arguments; {@code SOURCE_DATE_EPOCH}, in seconds since 1970, is the time of all that the build
 *     itself makes and copies of contexts, and the latest of what it copies of stages and images
 * @param labels beside those of the Dockerfile, and before them
 * @param target name or number of the stage to build; empty for the last
 * @param noCache whether all steps are carried out, though what they make is known
 * @param pull when registries are asked for the images that stages begin with
 * @param secrets by id, for {@code RUN --mount=type=secret}
 * @param ssh sockets of agents by id, for {@code RUN --mount=type=ssh}
 * @param contexts further ones by name, for {@code FROM} and {@code --from}; they win over stages and images of that name
 * @param entitlements what the Dockerfile may do beyond the usual
 * @param cacheFrom where the outcome of steps that the store does not know is looked for, in this order
 * @param cacheTo where the outcome of all steps is left when the image is made
 * @param noCacheFilter names or numbers of stages whose steps are carried out, though what they make is known
 * @param outputs where the result goes beside the store; perhaps nowhere
 * @param annotations of the images' manifests, by key: {@code org.opencontainers.image.source}. Documents of Docker's
 *     media types have none
 * @param indexAnnotations of the index, which only images for several platforms have
 * @param platforms to build for, each once; none for this host's
 * @param rewriteTimestamp whether what {@code RUN} writes is not later than {@code SOURCE_DATE_EPOCH} either
 * @param sbom whether each image gets a bill of its materials, beside it in an index: see {@link Images#attestations}
 * @param provenance what is said beside each image of how it was made, likewise
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public record BuildSpec(
        BuildContext context,
        String dockerfile,
        Optional<String> dockerfileInline,
        Optional<BuildStage> stage,
        List<String> tags,
        Map<String, String> args,
        Map<String, String> labels,
        String target,
        boolean noCache,
        PullPolicy pull,
        Map<String, BuildSecret> secrets,
        Map<String, Path> ssh,
        Map<String, BuildContext> contexts,
        Set<BuildEntitlement> entitlements,
        List<BuildCache> cacheFrom,
        List<BuildCache> cacheTo,
        List<String> noCacheFilter,
        List<BuildOutput> outputs,
        Map<String, String> annotations,
        Map<String, String> indexAnnotations,
        List<Platform> platforms,
        boolean rewriteTimestamp,
        boolean sbom,
        ProvenanceMode provenance) {
    public BuildSpec {
        if (dockerfile.isEmpty() || dockerfile.indexOf('\0') >= 0) {
            throw new InvalidSpecException("cannot build " + context + ": the Dockerfile's name is empty or has a NUL");
        }
        tags = List.copyOf(tags);
        args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        secrets = Collections.unmodifiableMap(new LinkedHashMap<>(secrets));
        ssh = Collections.unmodifiableMap(new LinkedHashMap<>(ssh));
        contexts = Collections.unmodifiableMap(new LinkedHashMap<>(contexts));
        entitlements = Set.copyOf(entitlements);
        cacheFrom = List.copyOf(cacheFrom);
        cacheTo = List.copyOf(cacheTo);
        noCacheFilter = List.copyOf(noCacheFilter);
        if (cacheFrom.stream().anyMatch(BuildCache.Inline.class::isInstance)) {
            throw new InvalidSpecException(
                    "cannot build " + context + ": an inline cache is read from the registry that has its image",
                    "write BuildCache.registry(\"the image's name\")");
        }
        for (var name : contexts.keySet()) {
            if (name.isEmpty()) {
                throw new InvalidSpecException("cannot build " + context + ": a further context has no name");
            }
        }
        outputs = List.copyOf(outputs);
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
        indexAnnotations = Collections.unmodifiableMap(new LinkedHashMap<>(indexAnnotations));
        platforms = platforms.stream().distinct().toList();
        for (var name : args.keySet()) {
            if (name.isEmpty()) {
                throw new InvalidSpecException("cannot build " + context + ": an argument has no name");
            }
        }
        if (annotations.containsKey("") || indexAnnotations.containsKey("")) {
            throw new InvalidSpecException("cannot build " + context + ": an annotation has no key");
        }
        for (var key : labels.keySet()) {
            if (key.isEmpty()) {
                throw new InvalidSpecException("cannot build " + context + ": a label has no key");
            }
        }
    }

    /** Of a directory with a {@code Dockerfile}. */
    public static BuildSpec of(Path context) {
        return of(BuildContext.directory(context));
    }

    /** Of the {@code Dockerfile} in a context. */
    public static BuildSpec of(BuildContext context) {
        return new BuildSpec(
                context,
                "Dockerfile",
                Optional.empty(),
                Optional.empty(),
                List.of(),
                Map.of(),
                Map.of(),
                "",
                false,
                PullPolicy.MISSING,
                Map.of(),
                Map.of(),
                Map.of(),
                Set.of(),
                List.of(),
                List.of(),
                List.of(),
                List.of(),
                Map.of(),
                Map.of(),
                List.of(),
                false,
                false,
                ProvenanceMode.NONE);
    }

    /** Of a stage, and those that it needs, without a Dockerfile and without a context. */
    public static BuildSpec of(BuildStage target) {
        return of(BuildContext.empty()).stage(target);
    }

    public BuildSpec dockerfile(String changed) {
        return with(draft -> {
            draft.dockerfile = changed;
            draft.dockerfileInline = Optional.empty();
        });
    }

    /** A Dockerfile that is no file: its text. What is to be ignored of the context is in its {@code .dockerignore}. */
    public BuildSpec dockerfileInline(String text) {
        return with(draft -> draft.dockerfileInline = Optional.of(text));
    }

    /** Builds a stage, and those that it needs, in place of a Dockerfile. */
    public BuildSpec stage(BuildStage target) {
        return with(draft -> draft.stage = Optional.of(target));
    }

    public BuildSpec tag(String... more) {
        return with(draft -> draft.tags = append(tags, List.of(more)));
    }

    public BuildSpec arg(String name, String value) {
        return with(draft -> draft.args = ContainerSpec.put(args, name, value));
    }

    public BuildSpec label(String key, String value) {
        return with(draft -> draft.labels = ContainerSpec.put(labels, key, value));
    }

    public BuildSpec target(String stage) {
        return with(draft -> draft.target = stage);
    }

    public BuildSpec withoutCache() {
        return with(draft -> draft.noCache = true);
    }

    public BuildSpec pull(PullPolicy policy) {
        return with(draft -> draft.pull = policy);
    }

    public BuildSpec secret(String id, BuildSecret secret) {
        return with(draft -> draft.secrets = ContainerSpec.put(secrets, id, secret));
    }

    /**
     * An ssh agent. Programs may ask it for its keys and for signatures, no more. The one that is called {@code default} is git's, too.
     *
     * @param id {@code default} where the Dockerfile names none
     * @param socket what {@code SSH_AUTH_SOCK} says on this host
     */
    public BuildSpec ssh(String id, Path socket) {
        return with(draft -> draft.ssh = ContainerSpec.put(ssh, id, socket.toAbsolutePath()));
    }

    public BuildSpec context(String name, Path directory) {
        return context(name, BuildContext.directory(directory));
    }

    public BuildSpec context(String name, BuildContext more) {
        return with(draft -> draft.contexts = ContainerSpec.put(contexts, name, more));
    }

    /** Lets the Dockerfile do more than is good for one that is not trusted. */
    public BuildSpec allow(BuildEntitlement... more) {
        return with(draft -> {
            draft.entitlements = new HashSet<>(entitlements);
            draft.entitlements.addAll(List.of(more));
        });
    }

    /** See {@link #cacheFrom()}. */
    public BuildSpec cacheFrom(BuildCache... more) {
        return with(draft -> draft.cacheFrom = append(cacheFrom, List.of(more)));
    }

    /**
     * See {@link #cacheTo()}.
     *
     * <p>Secrets are in none of these: of a step's key only a digest is there. What a program wrote into its layer is.
     */
    public BuildSpec cacheTo(BuildCache... more) {
        return with(draft -> draft.cacheTo = append(cacheTo, List.of(more)));
    }

    /** See {@link #noCacheFilter()}. */
    public BuildSpec noCacheFilter(String... stages) {
        return with(draft -> draft.noCacheFilter = append(noCacheFilter, List.of(stages)));
    }

    private static <T> List<T> append(List<T> list, List<T> more) {
        var all = new ArrayList<>(list);
        all.addAll(more);
        return all;
    }

    /** Adds outputs. The store has the image in any case, without a name if there are no tags. */
    public BuildSpec output(BuildOutput... more) {
        return with(draft -> draft.outputs = append(outputs, List.of(more)));
    }

    public BuildSpec annotation(String key, String value) {
        return with(draft -> draft.annotations = ContainerSpec.put(annotations, key, value));
    }

    public BuildSpec indexAnnotation(String key, String value) {
        return with(draft -> draft.indexAnnotations = ContainerSpec.put(indexAnnotations, key, value));
    }

    /**
     * Adds platforms. Of several the result is an index with an image for each. Stages for other platforms than this host's can copy
     * everywhere, and {@code RUN} where qemu is registered with {@code binfmt_misc}.
     */
    public BuildSpec platform(Platform... more) {
        return with(draft -> draft.platforms = append(platforms, List.of(more)));
    }

    /** @param more as in {@code linux/arm64} */
    public BuildSpec platform(String... more) {
        return platform(Stream.of(more).map(Platform::parse).toArray(Platform[]::new));
    }

    /**
     * {@code rewrite-timestamp}: files that {@code RUN} writes later than {@code SOURCE_DATE_EPOCH} get that time, too. Layers of images that
     * stages begin with stay as they are.
     */
    public BuildSpec withRewrittenTimestamps() {
        return with(draft -> draft.rewriteTimestamp = true);
    }

    /** Lists the packages of each image, in SPDX: those of dpkg, apk and Java archives. The index that has the list goes with its last name. */
    public BuildSpec withSbom() {
        return with(draft -> draft.sbom = true);
    }

    /** Says how each image was made, as SLSA has it. */
    public BuildSpec provenance(ProvenanceMode mode) {
        return with(draft -> draft.provenance = mode);
    }

    private BuildSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return new BuildSpec(
                context,
                draft.dockerfile,
                draft.dockerfileInline,
                draft.stage,
                draft.tags,
                draft.args,
                draft.labels,
                draft.target,
                draft.noCache,
                draft.pull,
                draft.secrets,
                draft.ssh,
                draft.contexts,
                draft.entitlements,
                draft.cacheFrom,
                draft.cacheTo,
                draft.noCacheFilter,
                draft.outputs,
                draft.annotations,
                draft.indexAnnotations,
                draft.platforms,
                draft.rewriteTimestamp,
                draft.sbom,
                draft.provenance);
    }

    private static final class Draft {
        private String dockerfile;
        private Optional<String> dockerfileInline;
        private Optional<BuildStage> stage;
        private List<String> tags;
        private Map<String, String> args;
        private Map<String, String> labels;
        private String target;
        private boolean noCache;
        private PullPolicy pull;
        private Map<String, BuildSecret> secrets;
        private Map<String, Path> ssh;
        private Map<String, BuildContext> contexts;
        private Set<BuildEntitlement> entitlements;
        private List<BuildCache> cacheFrom;
        private List<BuildCache> cacheTo;
        private List<String> noCacheFilter;
        private List<BuildOutput> outputs;
        private Map<String, String> annotations;
        private Map<String, String> indexAnnotations;
        private List<Platform> platforms;
        private boolean rewriteTimestamp;
        private boolean sbom;
        private ProvenanceMode provenance;

        Draft(BuildSpec base) {
            dockerfile = base.dockerfile;
            dockerfileInline = base.dockerfileInline;
            stage = base.stage;
            tags = base.tags;
            args = base.args;
            labels = base.labels;
            target = base.target;
            noCache = base.noCache;
            pull = base.pull;
            secrets = base.secrets;
            ssh = base.ssh;
            contexts = base.contexts;
            entitlements = base.entitlements;
            cacheFrom = base.cacheFrom;
            cacheTo = base.cacheTo;
            noCacheFilter = base.noCacheFilter;
            outputs = base.outputs;
            annotations = base.annotations;
            indexAnnotations = base.indexAnnotations;
            platforms = base.platforms;
            rewriteTimestamp = base.rewriteTimestamp;
            sbom = base.sbom;
            provenance = base.provenance;
        }
    }
}
