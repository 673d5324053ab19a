package dev.cais.image.dockerfile;

import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.Instruction.OnBuild;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Which stages of a Dockerfile a build needs, and how they hang together. Nothing is fetched or run.
 *
 * @param arguments with those before the first stage
 * @param stages those that the target needs, each behind all that it needs itself; the target is the last
 */
public record BuildPlan(Dockerfile file, PlanRequest request, BuildArguments arguments, List<PlannedStage> stages) {
    public BuildPlan {
        stages = List.copyOf(stages);
    }

    /** @throws BuildException that shows the line, if stages do not fit together, or names the target that is not there */
    public static BuildPlan of(Dockerfile file, PlanRequest request) {
        return new Planning(file, request, Map.of()).plan();
    }

    /**
     * The same, where images have instructions for builds that begin with them; these may need stages that were not needed before.
     *
     * @param triggers by the number of the stage that begins with the image
     */
    public BuildPlan withTriggers(Map<Integer, List<String>> triggers) {
        return new Planning(file, request, triggers).plan();
    }

    public PlannedStage target() {
        return stages.get(stages.size() - 1);
    }

    /** One of those that are needed. */
    public PlannedStage stage(int number) {
        return stages.stream()
                .filter(stage -> stage.number() == number)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("stage " + number + " is not needed"));
    }

    /** Finds what is needed, from the target on. */
    private static final class Planning {
        private final Dockerfile file;
        private final PlanRequest request;
        private final Map<Integer, List<String>> triggers;
        private final List<Stage> stages;

        /** Numbers of the stages of a name, in order. */
        private final Map<String, List<Integer>> byName = new HashMap<>();

        private final Map<Integer, PlannedStage> planned = new HashMap<>();
        private BuildArguments arguments = BuildArguments.NONE;

        Planning(Dockerfile file, PlanRequest request, Map<Integer, List<String>> triggers) {
            this.file = file;
            this.request = request;
            this.triggers = triggers;
            this.stages = file.stages();
            for (var stage : stages) {
                if (!stage.name().isEmpty()) {
                    byName.computeIfAbsent(stage.name(), name -> new ArrayList<>())
                            .add(stage.number());
                }
            }
        }

        BuildPlan plan() {
            var target = target();
            var name = request.target().isEmpty() ? stages.get(target).name() : request.target();
            arguments = BuildArguments.of(request.arguments(), request.host(), request.platform(), name);
            for (var arg : file.arguments()) {
                try {
                    arguments = arguments.declare(arg);
                } catch (InvalidSpecException e) {
                    throw file.failure(arg.source(), e);
                }
            }
            return new BuildPlan(file, request, arguments, inOrder(target));
        }

        private int target() {
            var wanted = request.target();
            if (wanted.isEmpty()) {
                return stages.size() - 1;
            }
            var numbers = byName.get(wanted.toLowerCase(Locale.ROOT));
            if (numbers != null) {
                return numbers.get(numbers.size() - 1);
            }
            return number(wanted)
                    .filter(number -> number < stages.size())
                    .orElseThrow(() -> new BuildException(
                            "cannot build " + file.name() + ": there is no stage " + Shown.text(wanted),
                            Spelling.didYouMean(wanted.toLowerCase(Locale.ROOT), byName.keySet())));
        }

        private static Optional<Integer> number(String text) {
            return text.matches("[0-9]{1,9}") ? Optional.of(Integer.parseInt(text)) : Optional.empty();
        }

        /** Depth first, without recursion: the stack is as deep as stages are chained. */
        private List<PlannedStage> inOrder(int target) {
            var order = new ArrayList<PlannedStage>();
            var done = new HashSet<Integer>();
            var path = new HashSet<Integer>();
            var stack = new ArrayDeque<Integer>();
            stack.push(target);
            while (!stack.isEmpty()) {
                var number = stack.peek();
                if (done.contains(number)) {
                    stack.pop();
                } else if (path.add(number)) {
                    for (var needed : stageAt(number).needs()) {
                        if (path.contains(needed)) {
                            var stage = stages.get(number);
                            throw file.failure(
                                    stage.from().source(),
                                    new InvalidSpecException("stage " + stage + " needs stage " + stages.get(needed)
                                            + ", which needs it itself"));
                        }
                        if (!done.contains(needed)) {
                            stack.push(needed);
                        }
                    }
                } else {
                    stack.pop();
                    path.remove(number);
                    done.add(number);
                    order.add(stageAt(number));
                }
            }
            return order;
        }

        /** A stage begins with one before it, so that planning those between comes to an end. */
        private PlannedStage stageAt(int number) {
            var chain = new ArrayDeque<Integer>();
            chain.push(number);
            while (!chain.isEmpty()) {
                var stage = stages.get(chain.peek());
                if (planned.containsKey(stage.number())) {
                    chain.pop();
                    continue;
                }
                var base = base(stage);
                if (base instanceof Origin.OfStage parent && !planned.containsKey(parent.number())) {
                    chain.push(parent.number());
                } else {
                    planned.put(stage.number(), planned(stage, base));
                }
            }
            return plannedAlready(number);
        }

        private PlannedStage plannedAlready(int number) {
            return Objects.requireNonNull(planned.get(number), "stages are planned in order");
        }

        private PlannedStage planned(Stage stage, Origin base) {
            if (isReplaced(stage.name())) {
                return new PlannedStage(stage, base, request.platform(), List.of(), Map.of());
            }
            try {
                var platform = base instanceof Origin.OfStage parent
                        ? plannedAlready(parent.number()).platform()
                        : base instanceof Origin.OfImage image ? image.platform() : request.platform();
                var instructions = new ArrayList<>(triggered(stage, base));
                instructions.addAll(stage.instructions());
                return new PlannedStage(stage, base, platform, instructions, origins(stage, instructions));
            } catch (InvalidSpecException e) {
                throw file.failure(stage.from().source(), e);
            }
        }

        private boolean isReplaced(String name) {
            return !name.isEmpty() && request.contexts().contains(name);
        }

        private Origin base(Stage stage) {
            if (isReplaced(stage.name())) {
                return new Origin.OfContext(stage.name());
            }
            try {
                var name = stage.from().image().expand(arguments::variable);
                if (name.isEmpty()) {
                    throw empty("image", stage.from().image());
                }
                return context(name)
                        .or(() -> before(name, stage.number()))
                        .orElseGet(() -> name.equals("scratch")
                                ? new Origin.Scratch()
                                : new Origin.OfImage(ImageReference.parse(name), platform(stage)));
            } catch (InvalidSpecException e) {
                throw file.failure(stage.from().source(), e);
            }
        }

        private Platform platform(Stage stage) {
            var written = stage.from().platform();
            if (written.isEmpty()) {
                return request.platform();
            }
            var text = written.get().expand(arguments::variable);
            if (text.isEmpty()) {
                throw empty("platform", written.get());
            }
            if (text.equals("linux")) {
                return request.host();
            }
            return text.indexOf('/') < 0 ? new Platform("linux", text, "") : Platform.parse(text);
        }

        /** Most likely for want of a variable's value. */
        private InvalidSpecException empty(String what, Word word) {
            var missing = new ArrayList<String>();
            word.expand(name -> {
                var value = arguments.variable(name);
                value.ifPresentOrElse(known -> {}, () -> missing.add(name));
                return value;
            });
            var known = arguments.global().keySet();
            return new InvalidSpecException(
                    "FROM's " + what + " is empty: " + Shown.text(word.text()),
                    missing.stream()
                            .flatMap(name -> Spelling.nearest(name, known).stream())
                            .findFirst()
                            .map(near -> "did you mean $" + near + "?")
                            .orElse(
                                    "give its variable a value, by ARG before the first FROM or by the build's argument"));
        }

        private Optional<Origin> context(String name) {
            return request.contexts().stream()
                    .filter(context -> context.equals(name) || isSameImage(context, name))
                    .findFirst()
                    .map(Origin.OfContext::new);
        }

        private static boolean isSameImage(String context, String name) {
            try {
                return ImageReference.parse(context).equals(ImageReference.parse(name));
            } catch (InvalidSpecException e) {
                return false;
            }
        }

        /** The latest stage of a name before another. */
        private Optional<Origin> before(String name, int number) {
            return byName.getOrDefault(name.toLowerCase(Locale.ROOT), List.of()).stream()
                    .filter(candidate -> candidate < number)
                    .reduce((first, second) -> second)
                    .map(Origin.OfStage::new);
        }

        private List<Instruction> triggered(Stage stage, Origin base) {
            var texts = triggers.getOrDefault(stage.number(), List.of());
            if (base instanceof Origin.OfStage parent) {
                texts = plannedAlready(parent.number()).instructions().stream()
                        .filter(OnBuild.class::isInstance)
                        .map(instruction -> ((OnBuild) instruction).trigger())
                        .toList();
            }
            return texts.stream()
                    .map(text -> Instruction.parseTrigger(text, stage.from().source()))
                    .toList();
        }

        private Map<String, Origin> origins(Stage stage, List<Instruction> instructions) {
            var origins = new LinkedHashMap<String, Origin>();
            for (var instruction : instructions) {
                try {
                    for (var from : named(instruction)) {
                        if (!origins.containsKey(from)) {
                            origins.put(from, origin(from, stage, instruction instanceof Run));
                        }
                    }
                } catch (InvalidSpecException e) {
                    throw file.failure(instruction.source(), e);
                }
            }
            return origins;
        }

        private static Set<String> named(Instruction instruction) {
            var names = new HashSet<String>();
            if (instruction instanceof Copy copy) {
                names.add(copy.from());
            } else if (instruction instanceof Run run) {
                run.mounts().forEach(mount -> names.add(mount.from()));
            }
            names.remove("");
            return names;
        }

        private Origin origin(String from, Stage stage, boolean laterToo) {
            var number = number(from).orElse(-1);
            var numbers = number >= 0 && number < stages.size()
                    ? List.of(number)
                    : byName.getOrDefault(from.toLowerCase(Locale.ROOT), List.of());
            var known = numbers.stream()
                    .filter(candidate -> candidate < stage.number())
                    .reduce((first, second) -> second);
            if (known.isPresent()) {
                return new Origin.OfStage(known.get());
            }
            if (!numbers.isEmpty() && numbers.get(0) == stage.number()) {
                throw new InvalidSpecException("stage " + stage + " needs itself");
            }
            if (!numbers.isEmpty() && laterToo) {
                return new Origin.OfStage(numbers.get(0));
            }
            if (!numbers.isEmpty()) {
                throw new InvalidSpecException("stage " + Shown.text(from) + " is not before this one");
            }
            if (number >= 0) {
                throw new InvalidSpecException("there is no stage " + number, "they are counted from 0");
            }
            return context(from)
                    .orElseGet(() -> from.equals("scratch")
                            ? new Origin.Scratch()
                            : new Origin.OfImage(ImageReference.parse(from), request.platform()));
        }
    }
}
