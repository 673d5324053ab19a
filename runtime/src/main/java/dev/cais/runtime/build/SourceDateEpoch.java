package dev.cais.runtime.build;

import dev.cais.BuildSpec;
import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.image.dockerfile.BuildArguments;
import dev.cais.image.dockerfile.BuildPlan;
import dev.cais.image.dockerfile.Dockerfile;
import dev.cais.image.dockerfile.PlanRequest;
import dev.cais.image.dockerfile.SourceStage;
import dev.cais.image.oci.Shown;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * {@code SOURCE_DATE_EPOCH}: the time of all that a build makes. It is given with the build, or by an {@code ARG} before the first stage, as
 * a number; or as {@code context}, the name of a further context or of a stage, whose time it is then: that of git's commit, what the server
 * says of a file, or the newest file of an archive. Files of this host have none.
 *
 * @param time if there is one
 * @param arguments of the build, with the number in place of what it is the time of; empty if that has none
 */
record SourceDateEpoch(Optional<Instant> time, Map<String, String> arguments) {
    private static final String NAME = "SOURCE_DATE_EPOCH";
    private static final String CONTEXT = "context";
    private static final Pattern SECONDS = Pattern.compile("[0-9]{1,11}");

    /** @throws EngineException if it is nothing that has a time, or that cannot be fetched */
    static SourceDateEpoch of(BuildSpec spec, Dockerfile file, Contexts contexts) {
        var found = found(spec, file, contexts);
        if (spec.rewriteTimestamp() && found.time.isEmpty()) {
            throw new InvalidSpecException(
                    "cannot build " + spec.context() + ": timestamps are to be rewritten, and it is not said to what",
                    "give the argument " + NAME);
        }
        return found;
    }

    private static SourceDateEpoch found(BuildSpec spec, Dockerfile file, Contexts contexts) {
        var given = Optional.ofNullable(spec.args().get(NAME));
        var declared = file.arguments().stream()
                .filter(arg -> arg.arguments().stream()
                        .anyMatch(one -> one.name().equals(NAME) && one.value().isPresent()))
                .reduce((first, last) -> last);
        if (given.filter(SourceDateEpoch::isTime).isPresent() || given.isEmpty() && declared.isEmpty()) {
            return new SourceDateEpoch(time(given.orElse("")), spec.args());
        }
        var arguments = arguments(spec, file);
        try {
            var text = given.or(() -> arguments.variable(NAME)).orElse("");
            return isTime(text)
                    ? new SourceDateEpoch(time(text), spec.args())
                    : of(new Meaning(file, contexts, arguments).of(text), spec);
        } catch (CancelledException e) {
            throw e;
        } catch (EngineException e) {
            throw given.isPresent()
                    ? file.failure(e)
                    : file.failure(declared.orElseThrow().source(), e);
        }
    }

    private static boolean isTime(String text) {
        return text.isEmpty() || SECONDS.matcher(text).matches();
    }

    private static Optional<Instant> time(String seconds) {
        return seconds.isEmpty() ? Optional.empty() : Optional.of(Instant.ofEpochSecond(Long.parseLong(seconds)));
    }

    private static SourceDateEpoch of(Optional<Instant> time, BuildSpec spec) {
        var seconds = time.map(Instant::getEpochSecond)
                .map(whole -> Math.max(0, whole))
                .map(String::valueOf)
                .orElse("");
        var arguments = new LinkedHashMap<>(spec.args());
        arguments.put(NAME, seconds);
        return new SourceDateEpoch(time(seconds), arguments);
    }

    /** For the first platform: one time is for all. */
    private static BuildArguments arguments(BuildSpec spec, Dockerfile file) {
        var platform =
                spec.platforms().isEmpty() ? Platform.host() : spec.platforms().get(0);
        var names = spec.contexts().keySet();
        return BuildPlan.of(file, new PlanRequest(spec.target(), spec.args(), Platform.host(), platform, names))
                .arguments();
    }

    /** What names stand for. */
    private record Meaning(Dockerfile file, Contexts contexts, BuildArguments arguments) {
        Optional<Instant> of(String name) {
            if (name.equals(CONTEXT)) {
                return contexts.time("");
            } else if (contexts.has(name)) {
                return contexts.time(name);
            }
            var stage = file.stages().stream()
                    .filter(each -> each.name().equalsIgnoreCase(name))
                    .findFirst()
                    .orElseThrow(() -> new InvalidSpecException(NAME
                            + " is no number of seconds since 1970, no context and no stage: " + Shown.text(name)));
            var source = SourceStage.of(stage, arguments);
            if (!Remotes.isAddress(source.address())) {
                throw new InvalidSpecException("stage " + stage + " has no time: " + Shown.text(source.address())
                        + " is a file of the context");
            }
            return contexts.remotes()
                    .find(source.address(), source.checksum(), source.keepGitDirectory())
                    .time();
        }
    }
}
