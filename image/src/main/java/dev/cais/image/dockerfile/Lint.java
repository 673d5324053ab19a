package dev.cais.image.dockerfile;

import dev.cais.BuildException;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.image.dockerfile.Instruction.Add;
import dev.cais.image.dockerfile.Instruction.Arg;
import dev.cais.image.dockerfile.Instruction.Argument;
import dev.cais.image.dockerfile.Instruction.Cmd;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.Instruction.Entrypoint;
import dev.cais.image.dockerfile.Instruction.Env;
import dev.cais.image.dockerfile.Instruction.Expose;
import dev.cais.image.dockerfile.Instruction.From;
import dev.cais.image.dockerfile.Instruction.Health;
import dev.cais.image.dockerfile.Instruction.Label;
import dev.cais.image.dockerfile.Instruction.Maintainer;
import dev.cais.image.dockerfile.Instruction.Workdir;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Finds what the {@link LintRule}s speak of: in all stages what is seen at once, in those that a build needs also what depends on their
 * variables.
 */
public final class Lint {
    private static final Pattern SECRET = Pattern.compile(
            "(^|.*_)(apikey|auth|credentials?|key|password|psw|pword|passwd|secret|token)(_.*|$)",
            Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final Pattern NO_SECRET =
            Pattern.compile("(^|.*_)(public|file|version)(_.*|$)", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final Pattern REMOTE = Pattern.compile("[a-z]+://|git@");
    private static final Set<String> RESERVED = Set.of("context", "scratch");
    private static final Set<String> WHOLE_CONTEXT = Set.of(".", "/", "");
    private static final Set<String> EVERYTHING = Set.of("*", "**", "**/*");

    private final BuildPlan plan;
    private final Dockerfile file;
    private final Map<Integer, Base> bases;
    private final PathPatterns ignored;
    private final List<LintWarning> found = new ArrayList<>();

    private Lint(BuildPlan plan, Map<Integer, Base> bases, PathPatterns ignored) {
        this.plan = plan;
        this.file = plan.file();
        this.bases = bases;
        this.ignored = ignored;
    }

    /** What an image says that a stage begins with. */
    public record Base(ImageConfig config, Platform platform) {}

    /**
     * The warnings that the file wants, by line.
     *
     * @param bases by the number of the stage; of a stage without one it is not known which variables it has
     * @param ignored files that the context does not show
     */
    public static List<LintWarning> check(BuildPlan plan, Map<Integer, Base> bases, PathPatterns ignored) {
        var lint = new Lint(plan, bases, ignored);
        lint.wholeFile();
        lint.neededStages();
        var checks = checks(plan);
        return lint.found.stream()
                .filter(warning -> isWanted(warning.rule(), checks))
                .sorted(Comparator.comparingInt(LintWarning::line).thenComparing(LintWarning::rule))
                .distinct()
                .toList();
    }

    /**
     * Whether a build goes on with such warnings.
     *
     * @throws BuildException that shows the first, if the file says that there must be none
     */
    public static void requireAllowed(List<LintWarning> found, BuildPlan plan) {
        if (!found.isEmpty() && checks(plan).error()) {
            throw plan.file().failure(found.get(0));
        }
    }

    private static Directives.Checks checks(BuildPlan plan) {
        return Optional.ofNullable(plan.request().arguments().get("BUILDKIT_DOCKERFILE_CHECK"))
                .map(Lint::given)
                .orElseGet(() -> plan.file().directives().checks());
    }

    private static Directives.Checks given(String argument) {
        try {
            return Directives.Checks.parse(argument);
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException(
                    "cannot build with argument BUILDKIT_DOCKERFILE_CHECK: " + e.problem(), e.help());
        }
    }

    private static boolean isWanted(LintRule rule, Directives.Checks checks) {
        var named = rule.toString();
        return !checks.skip().contains("all")
                && !checks.skip().contains(named)
                && (!rule.isExperimental()
                        || checks.experimental().contains("all")
                        || checks.experimental().contains(named));
    }

    private void warn(LintRule rule, Source source, String text) {
        found.add(new LintWarning(rule, source.line(), text));
    }

    // what is seen without variables

    private void wholeFile() {
        var all = new ArrayList<Instruction>();
        for (var stage : file.stages()) {
            all.add(stage.from());
            all.addAll(stage.instructions());
        }
        casing(all);
        stageNames();
        Stream.concat(file.arguments().stream(), all.stream()).forEach(this::asWritten);
        file.stages().forEach(this::usedOnce);
        fromArguments();
    }

    private void casing(List<Instruction> all) {
        var lower = 0;
        var upper = 0;
        for (var instruction : all) {
            var keyword = instruction.source().keyword();
            lower += keyword.equals(keyword.toLowerCase(Locale.ROOT)) ? 1 : 0;
            upper += keyword.equals(instruction.keyword()) ? 1 : 0;
        }
        var mostLower = lower > upper;
        for (var instruction : all) {
            var keyword = instruction.source().keyword();
            if (!keyword.equals(mostLower ? keyword.toLowerCase(Locale.ROOT) : instruction.keyword())) {
                warn(
                        LintRule.CONSISTENT_INSTRUCTION_CASING,
                        instruction.source(),
                        keyword + " is not in " + (mostLower ? "lower" : "upper") + " case as most instructions are");
            }
        }
    }

    private void stageNames() {
        var names = new HashSet<String>();
        for (var stage : file.stages()) {
            var name = stage.name();
            if (RESERVED.contains(name)) {
                warn(
                        LintRule.RESERVED_STAGE_NAME,
                        stage.from().source(),
                        "stage name " + name + " has a meaning of its own");
            }
            if (!name.isEmpty() && !names.add(name)) {
                warn(
                        LintRule.DUPLICATE_STAGE_NAME,
                        stage.from().source(),
                        "an earlier stage is named " + name + ", too");
            }
        }
    }

    private void asWritten(Instruction instruction) {
        var source = instruction.source();
        if (source.emptyContinuation()) {
            warn(LintRule.NO_EMPTY_CONTINUATION, source, "an empty line is between its continued lines");
        }
        if (instruction instanceof From from) {
            from(from);
        } else if (instruction instanceof Arg arg) {
            description(source, arg.arguments().stream().map(Argument::name).toList());
        } else if (instruction instanceof Maintainer) {
            warn(LintRule.MAINTAINER_DEPRECATED, source, "a label says better than MAINTAINER who made the image");
        } else if (instruction instanceof Env env && env.legacy()
                || instruction instanceof Label label && label.legacy()) {
            warn(LintRule.LEGACY_KEY_VALUE_FORMAT, source, instruction.keyword() + " is not written as name=value");
        }
    }

    private void from(From from) {
        if (from.stage().isEmpty()) {
            return;
        }
        var words = from.source().text().split("\\s+");
        var as = words[words.length - 2];
        var name = words[words.length - 1];
        var keyword = from.source().keyword();
        if (!name.equals(from.stage())) {
            warn(LintRule.STAGE_NAME_CASING, from.source(), "stage name " + name + " is not in lower case");
        }
        var fits = keyword.equals(keyword.toLowerCase(Locale.ROOT))
                ? as.equals(as.toLowerCase(Locale.ROOT))
                : as.equals(as.toUpperCase(Locale.ROOT));
        if (!fits) {
            warn(LintRule.FROM_AS_CASING, from.source(), as + " is not in the case of " + keyword);
        }
        description(from.source(), List.of(from.stage()));
    }

    private void description(Source source, List<String> names) {
        var comments = source.comments();
        if (!comments.isEmpty()
                && !names.contains(comments.get(comments.size() - 1).split(" ", 2)[0])) {
            warn(
                    LintRule.INVALID_DEFINITION_DESCRIPTION,
                    source,
                    "the comment above does not begin with " + names.get(0) + ", which it may be taken to describe");
        }
    }

    private void usedOnce(Stage stage) {
        var last = new HashMap<Class<?>, Instruction>();
        for (var instruction : stage.instructions()) {
            if (instruction instanceof Cmd || instruction instanceof Entrypoint || instruction instanceof Health) {
                var earlier = last.put(instruction.getClass(), instruction);
                if (earlier != null) {
                    warn(
                            LintRule.MULTIPLE_INSTRUCTIONS_DISALLOWED,
                            earlier.source(),
                            "only the last " + instruction.keyword() + " of a stage counts");
                }
            }
        }
    }

    // variables of FROM

    /** Takes the names down that are asked for. */
    private static final class Asked implements Function<String, Optional<String>> {
        private final Function<String, Optional<String>> variables;
        private final Set<String> known = new LinkedHashSet<>();
        private final Set<String> unknown = new LinkedHashSet<>();

        Asked(Function<String, Optional<String>> variables) {
            this.variables = variables;
        }

        @Override
        public Optional<String> apply(String name) {
            var value = variables.apply(name);
            (value.isPresent() ? known : unknown).add(name);
            return value;
        }
    }

    private void fromArguments() {
        var declared = new LinkedHashSet<>(plan.arguments().global().keySet());
        file.arguments().forEach(arg -> arg.arguments().forEach(argument -> declared.add(argument.name())));
        var usual = usualArguments();
        for (var stage : file.stages()) {
            var from = stage.from();
            var source = from.source();
            try {
                var asked = new Asked(plan.arguments()::variable);
                from.image().expand(asked);
                from.platform().ifPresent(word -> platform(from, word, asked));
                for (var name : asked.unknown) {
                    if (!declared.contains(name)) {
                        warn(
                                LintRule.UNDEFINED_ARG_IN_FROM,
                                source,
                                "no ARG before the first FROM declares " + Shown.text(name) + meant(name, declared));
                    }
                }
                if (usual.isPresent() && from.image().isOpen() && !isImage(from.image(), usual.get())) {
                    warn(
                            LintRule.INVALID_DEFAULT_ARG_IN_FROM,
                            source,
                            "without a build's arguments "
                                    + Shown.text(from.image().text()) + " is no image");
                }
            } catch (InvalidSpecException e) {
                return; // whoever builds says so
            }
        }
    }

    /** As if the build had been given nothing. */
    private Optional<BuildArguments> usualArguments() {
        var request = plan.request();
        var arguments = BuildArguments.of(
                Map.of(),
                request.host(),
                request.platform(),
                plan.arguments().global().getOrDefault("TARGETSTAGE", ""));
        try {
            for (var arg : file.arguments()) {
                arguments = arguments.declare(arg);
            }
            return Optional.of(arguments);
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }

    private static boolean isImage(Word word, BuildArguments arguments) {
        try {
            ImageReference.parse(word.expand(arguments::variable));
            return true;
        } catch (InvalidSpecException e) {
            return false;
        }
    }

    private void platform(From from, Word word, Asked all) {
        var asked = new Asked(all);
        var value = word.expand(asked);
        if (asked.known.equals(Set.of("TARGETPLATFORM"))
                && asked.unknown.isEmpty()
                && plan.arguments()
                        .variable("TARGETPLATFORM")
                        .filter(value::equals)
                        .isPresent()) {
            warn(LintRule.REDUNDANT_TARGET_PLATFORM, from.source(), "the platform is that of the build anyhow");
        }
        if (!word.isOpen() && !isNamedAfter(from.stage(), value)) {
            warn(
                    LintRule.FROM_PLATFORM_FLAG_CONST_DISALLOWED,
                    from.source(),
                    "platform " + Shown.text(value) + " is the same for each build");
        }
    }

    private static boolean isNamedAfter(String stage, String platform) {
        try {
            var parsed = Platform.parse(platform);
            return stage.contains(parsed.os()) || stage.contains(parsed.architecture());
        } catch (InvalidSpecException e) {
            return true; // whoever builds says so
        }
    }

    private static String meant(String name, Set<String> names) {
        return Spelling.nearest(name, names)
                .map(near -> ": did you mean " + near + "?")
                .orElse("");
    }

    // what depends on variables

    private void neededStages() {
        var ends = new HashMap<Integer, Progress>();
        for (var stage : plan.stages()) {
            var progress = begin(stage, ends);
            for (var instruction : stage.instructions()) {
                try {
                    carriedOut(instruction, progress);
                } catch (InvalidSpecException e) {
                    break; // whoever builds says so
                }
            }
            ends.put(stage.number(), progress);
        }
    }

    /** How far a stage has come. */
    private static final class Progress {
        private StageState state;
        private final boolean known;
        private boolean workdirGiven;

        Progress(StageState state, boolean known, boolean workdirGiven) {
            this.state = state;
            this.known = known;
            this.workdirGiven = workdirGiven;
        }
    }

    private Progress begin(PlannedStage stage, Map<Integer, Progress> ends) {
        if (stage.base() instanceof Origin.OfStage parent) {
            var end = ends.get(parent.number());
            if (end != null) {
                return new Progress(end.state.next(), end.known, end.workdirGiven);
            }
        }
        var base = bases.get(stage.number());
        if (base == null) {
            return new Progress(StageState.ofScratch(), stage.base() instanceof Origin.Scratch, false);
        }
        if (stage.base() instanceof Origin.OfImage image && isForOthers(base.platform(), image.platform())) {
            warn(
                    LintRule.INVALID_BASE_IMAGE_PLATFORM,
                    stage.stage().from().source(),
                    image.name() + " is for " + base.platform() + ", and the stage is for " + image.platform());
        }
        return new Progress(StageState.begin(base.config()), true, false);
    }

    /** Variants of a processor are left to who runs the programs. */
    private static boolean isForOthers(Platform is, Platform wanted) {
        return !is.os().equals(wanted.os()) || !is.architecture().equals(wanted.architecture());
    }

    private void carriedOut(Instruction instruction, Progress progress) {
        undefined(instruction, progress);
        var source = instruction.source();
        var state = progress.state;
        if (instruction instanceof Cmd cmd) {
            form(instruction, cmd.program(), state);
        } else if (instruction instanceof Entrypoint entrypoint) {
            form(instruction, entrypoint.program(), state);
        } else if (instruction instanceof Workdir workdir) {
            if (!progress.workdirGiven && !state.expand(workdir.path()).startsWith("/")) {
                warn(
                        LintRule.WORKDIR_RELATIVE_PATH,
                        source,
                        "where " + Shown.text(workdir.path().text()) + " is depends on the image");
            }
            progress.workdirGiven = true;
        } else if (instruction instanceof Env env) {
            env.pairs().forEach(pair -> secret(source, "ENV", state.expand(pair.name())));
        } else if (instruction instanceof Arg arg) {
            arg.arguments().forEach(argument -> secret(source, "ARG", argument.name()));
        } else if (instruction instanceof Expose expose) {
            state.ports(expose).forEach(port -> port(source, port));
        } else if (instruction instanceof Copy copy && copy.from().isEmpty()) {
            copied(source, copy.files(), state);
        } else if (instruction instanceof Add add) {
            copied(source, add.files(), state);
        }
        progress.state = state.after(instruction, plan.arguments());
    }

    private void undefined(Instruction instruction, Progress progress) {
        if (!progress.known) {
            return;
        }
        var state = progress.state;
        var asked = new Asked(state::variable);
        if (instruction instanceof Arg arg) {
            arg.arguments().forEach(argument -> plan.arguments().valueOf(argument, asked));
        }
        instruction.words().forEach(word -> word.expand(asked));
        documents(instruction).forEach(document -> document.text(asked));
        for (var name : asked.unknown) {
            if (!state.arguments().containsKey(name)) {
                warn(
                        LintRule.UNDEFINED_VAR,
                        instruction.source(),
                        "nothing defines $" + Shown.text(name)
                                + meant(name, state.environment().keySet()));
            }
        }
    }

    private static List<Heredoc> documents(Instruction instruction) {
        if (instruction instanceof Copy copy) {
            return copy.files().documents();
        }
        return instruction instanceof Add add ? add.files().documents() : List.of();
    }

    private void form(Instruction instruction, Program program, StageState state) {
        if (program.shell() && state.config().shell().isEmpty()) {
            warn(
                    LintRule.JSON_ARGS_RECOMMENDED,
                    instruction.source(),
                    instruction.keyword() + " is a line for a shell, which signals do not pass");
        }
    }

    private void secret(Source source, String instruction, String name) {
        if (SECRET.matcher(name).matches() && !NO_SECRET.matcher(name).matches()) {
            warn(
                    LintRule.SECRETS_USED_IN_ARG_OR_ENV,
                    source,
                    instruction + " " + Shown.text(name) + " stays in the image for all to read");
        }
    }

    private void port(Source source, ExposedPort port) {
        var written = Shown.text(port.written());
        if (!port.isLowerCase()) {
            warn(LintRule.EXPOSE_PROTO_CASING, source, "the protocol of " + written + " is not in lower case");
        }
        if (port.published()) {
            warn(LintRule.EXPOSE_INVALID_FORMAT, source, written + " has an address or a port of the host");
        }
    }

    /** With exceptions it takes the files to know. */
    private void copied(Source source, Transfer files, StageState state) {
        if (ignored.isEmpty() || ignored.hasExceptions()) {
            return;
        }
        for (var word : files.sources()) {
            if (REMOTE.matcher(word.text()).lookingAt()) {
                continue;
            }
            var path = PathPatterns.clean(state.expand(word)).replaceFirst("^/", "");
            var out = WHOLE_CONTEXT.contains(path) ? ignored.hasAny(EVERYTHING) : ignored.leaveOut(path);
            if (out) {
                warn(
                        LintRule.COPY_IGNORED_FILE,
                        source,
                        Shown.text(word.text()) + " is left out of the context by its .dockerignore");
            }
        }
    }
}
