package dev.cais;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What an image is built of. The methods return changed copies.
 *
 * @param context that {@code COPY} and {@code ADD} take files from, less what its {@code .dockerignore} names
 * @param definition the Dockerfile, or what stands in its place
 * @param target name or number of the stage to build; empty for the last
 * @param args values of the Dockerfile's arguments; {@code SOURCE_DATE_EPOCH}, in seconds since 1970, is the time of all that the build
 *     itself makes and copies of contexts, and the latest of what it copies of stages and images and
 *     unpacks; in place of a number {@code context}, a further context or a stage of one {@code ADD} of an address stand for the time of a
 *     commit, what a server says of a file, or an archive's newest file. BuildKit's own are understood: {@code
 *     BUILDKIT_CACHE_MOUNT_NS}, {@code BUILDKIT_CONTEXT_KEEP_GIT_DIR}, {@code BUILDKIT_DOCKERFILE_CHECK}, {@code BUILDKIT_GIT_ADVICE}, {@code
 *     BUILDKIT_INLINE_CACHE}, {@code BUILDKIT_MULTI_PLATFORM}, {@code BUILDKIT_SANDBOX_HOSTNAME}, {@code BUILDKIT_SYNTAX},
 *     and {@code BUILDKIT_SBOM_SCAN_CONTEXT} and {@code BUILDKIT_SBOM_SCAN_STAGE} of a Dockerfile that declares them
 * @param contexts further ones by name, for {@code FROM} and {@code --from}; they win over stages and images of that name
 * @param pull when registries are asked for the images that stages begin with
 * @param platforms to build for, each once; none for this host's
 * @param rewriteTimestamp whether what {@code RUN} writes is not later than {@code SOURCE_DATE_EPOCH} either
 * @param outputs where the result goes beside the store; perhaps nowhere
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public record BuildSpec(
        BuildContext context,
        BuildDefinition definition,
        String target,
        Map<String, String> args,
        Map<String, BuildContext> contexts,
        BuildAccess access,
        BuildRunOptions runOptions,
        BuildCaching caching,
        PullPolicy pull,
        List<Platform> platforms,
        boolean rewriteTimestamp,
        BuildMetadata metadata,
        BuildAttestations attestations,
        List<BuildOutput> outputs) {
    public BuildSpec {
        Objects.requireNonNull(target, "target");
        args = Collections.unmodifiableMap(new LinkedHashMap<>(args));
        contexts = Collections.unmodifiableMap(new LinkedHashMap<>(contexts));
        platforms = platforms.stream().distinct().toList();
        outputs = List.copyOf(outputs);
        args.forEach((name, value) -> {
            Objects.requireNonNull(value, name);
            if (name.isEmpty() || name.indexOf('=') >= 0) {
                throw new InvalidSpecException(
                        "cannot build " + context + ": an argument's name is empty or has an equals sign: " + name);
            }
        });
        if (contexts.containsKey("")) {
            throw new InvalidSpecException("cannot build " + context + ": a further context has no name");
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
                BuildDefinition.DEFAULT,
                "",
                Map.of(),
                Map.of(),
                BuildAccess.NONE,
                BuildRunOptions.DEFAULT,
                BuildCaching.DEFAULT,
                PullPolicy.MISSING,
                List.of(),
                false,
                BuildMetadata.NONE,
                BuildAttestations.NONE,
                List.of());
    }

    /** The same in the words of {@code docker build}: see {@link BuildContext#parse}. */
    public static BuildSpec of(String context) {
        return of(BuildContext.parse(context));
    }

    /** Of a stage, and those that it needs, without a Dockerfile and without a context. */
    public static BuildSpec of(BuildStage target) {
        return of(BuildContext.empty()).stage(target);
    }

    /** @param path below the context, or an absolute path anywhere on the host */
    public BuildSpec dockerfile(String path) {
        return with(draft -> draft.definition = new BuildDefinition.DockerfileAt(path));
    }

    /** A Dockerfile that is no file: its text. What is to be ignored of the context is in its {@code .dockerignore}. */
    public BuildSpec dockerfileInline(String text) {
        return with(draft -> draft.definition = new BuildDefinition.DockerfileText(text));
    }

    /** Builds a stage, and those that it needs, in place of a Dockerfile. */
    public BuildSpec stage(BuildStage target) {
        return with(draft -> draft.definition = new BuildDefinition.Stage(target));
    }

    public BuildSpec tag(String... more) {
        return with(draft -> draft.metadata = metadata.tag(more));
    }

    public BuildSpec arg(String name, String value) {
        return with(draft -> draft.args = Added.to(args, name, value));
    }

    public BuildSpec label(String key, String value) {
        return with(draft -> draft.metadata = metadata.label(key, value));
    }

    public BuildSpec target(String stage) {
        return with(draft -> draft.target = stage);
    }

    public BuildSpec withoutCache() {
        return with(draft -> draft.caching = caching.without());
    }

    public BuildSpec pull(PullPolicy policy) {
        return with(draft -> draft.pull = policy);
    }

    public BuildSpec secret(String id, BuildSecret secret) {
        return with(draft -> draft.access = access.secret(id, secret));
    }

    /**
     * An ssh agent: the caller's own, or one that has keys of files while the build runs. Programs may ask it for its keys and for
     * signatures, no more. The one that is called {@code default} is git's, too, and git has no other keys; only for a context that the caller
     * names, the agent of this JVM's {@code SSH_AUTH_SOCK} stands in for it.
     *
     * @param id {@code default} where the Dockerfile names none
     * @param paths what {@code SSH_AUTH_SOCK} says on this host; or files of private keys, RSA, ECDSA or Ed25519, in OpenSSH's form or PEM and
     *     not encrypted, which are read when a step asks for them
     * @throws InvalidSpecException if there are none
     */
    public BuildSpec ssh(String id, Path... paths) {
        return with(draft -> draft.access = access.ssh(id, paths));
    }

    /**
     * The host keys that are believed when git fetches by ssh, in place of those of this user ({@code ~/.ssh/known_hosts}) and of the
     * host ({@code /etc/ssh/ssh_known_hosts}). What is in neither is refused.
     *
     * @param file as ssh writes it, or {@code ssh-keyscan}
     */
    public BuildSpec knownHosts(Path file) {
        return with(draft -> draft.access = access.knownHosts(file));
    }

    public BuildSpec context(String name, Path directory) {
        return context(name, BuildContext.directory(directory));
    }

    /**
     * Adds one as {@code --build-context} has it.
     *
     * @param nameAndContext {@code name=context}: see {@link BuildContext#parse}
     * @throws InvalidSpecException if it is not of that form
     */
    public BuildSpec context(String nameAndContext) {
        var equals = nameAndContext.indexOf('=');
        if (equals < 1) {
            throw new InvalidSpecException(
                    "cannot use context " + nameAndContext.replaceAll("\\p{Cntrl}", "?") + ": it has no name",
                    "write name=directory, or name= and an address");
        }
        return context(nameAndContext.substring(0, equals), BuildContext.parse(nameAndContext.substring(equals + 1)));
    }

    public BuildSpec context(String name, BuildContext more) {
        return with(draft -> draft.contexts = Added.to(contexts, name, more));
    }

    /** Lets the Dockerfile do more than is good for one that is not trusted. */
    public BuildSpec allow(BuildEntitlement... more) {
        return with(draft -> draft.access = access.allow(more));
    }

    /**
     * Lets the Dockerfile use devices of the Container Device Interface: {@code --allow device=…}.
     *
     * @param more {@code vendor.com/class=name}, or {@code vendor.com/class} for all of that kind
     */
    public BuildSpec allowDevice(String... more) {
        return with(draft -> draft.access = access.allowDevice(more));
    }

    /**
     * How the containers of {@code RUN} steps run:
     *
     * <pre>{@code
     * spec.runs(container -> container.hostNetwork().extraHost("mirror", "198.18.0.5").memory(gib(2)).shmSize(mib(256)))
     * }</pre>
     *
     * <p>The host's network is by that allowed where it is not asked for by the Dockerfile itself.
     *
     * @param change of network, further hosts, name servers, resources, rlimits and the size of {@code /dev/shm}: see {@link BuildRunOptions}
     * @throws InvalidSpecException if it changes anything else
     */
    public BuildSpec runs(UnaryOperator<ContainerSpec> change) {
        return with(draft -> draft.runOptions = runOptions.changed(change));
    }

    /** See {@link BuildCaching#from}. */
    public BuildSpec cacheFrom(BuildCache... more) {
        return with(draft -> draft.caching = caching.from(more));
    }

    /**
     * See {@link BuildCaching#to}.
     *
     * <p>Secrets are in none of these: of a step's key only a digest is there. What a program wrote into its layer is.
     */
    public BuildSpec cacheTo(BuildCache... more) {
        return with(draft -> draft.caching = caching.to(more));
    }

    /** See {@link BuildCaching#noneOf}. */
    public BuildSpec noCacheFilter(String... stages) {
        return with(draft -> draft.caching = caching.withoutStages(stages));
    }

    /** Adds outputs. The store has the image in any case, without a name if there are no tags. */
    public BuildSpec output(BuildOutput... more) {
        return with(draft -> draft.outputs = Added.to(outputs, more));
    }

    public BuildSpec annotation(String key, String value) {
        return with(draft -> draft.metadata = metadata.annotation(key, value));
    }

    public BuildSpec indexAnnotation(String key, String value) {
        return with(draft -> draft.metadata = metadata.indexAnnotation(key, value));
    }

    /**
     * Adds platforms. Of several the result is an index with an image for each. Stages for other platforms than this host's can copy
     * everywhere, and {@code RUN} where qemu is registered with {@code binfmt_misc}.
     */
    public BuildSpec platform(Platform... more) {
        return with(draft -> draft.platforms = Added.to(platforms, more));
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
        return with(draft -> draft.attestations = attestations.withSbom());
    }

    /** Says how each image was made, as SLSA has it in its version 1. */
    public BuildSpec provenance(ProvenanceMode mode) {
        return provenance(mode, SlsaVersion.V1);
    }

    /** The same in another version's form. */
    public BuildSpec provenance(ProvenanceMode mode, SlsaVersion version) {
        return with(draft -> draft.attestations = attestations.provenance(mode, version));
    }

    /** As in {@code BuildSpec[/src/app, Dockerfile, app:1]}. */
    @Override
    public String toString() {
        return "BuildSpec["
                + Stream.concat(Stream.of(context, definition), metadata.tags().stream())
                        .map(Object::toString)
                        .collect(Collectors.joining(", "))
                + "]";
    }

    private BuildSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return new BuildSpec(
                context,
                draft.definition,
                draft.target,
                draft.args,
                draft.contexts,
                draft.access,
                draft.runOptions,
                draft.caching,
                draft.pull,
                draft.platforms,
                draft.rewriteTimestamp,
                draft.metadata,
                draft.attestations,
                draft.outputs);
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private BuildDefinition definition;
        private String target;
        private Map<String, String> args;
        private Map<String, BuildContext> contexts;
        private BuildAccess access;
        private BuildRunOptions runOptions;
        private BuildCaching caching;
        private PullPolicy pull;
        private List<Platform> platforms;
        private boolean rewriteTimestamp;
        private BuildMetadata metadata;
        private BuildAttestations attestations;
        private List<BuildOutput> outputs;

        Draft(BuildSpec base) {
            definition = base.definition;
            target = base.target;
            args = base.args;
            contexts = base.contexts;
            access = base.access;
            runOptions = base.runOptions;
            caching = base.caching;
            pull = base.pull;
            platforms = base.platforms;
            rewriteTimestamp = base.rewriteTimestamp;
            metadata = base.metadata;
            attestations = base.attestations;
            outputs = base.outputs;
        }
    }
}
