package dev.cais.image.dockerfile;

import dev.cais.BuildAdd;
import dev.cais.BuildCopy;
import dev.cais.BuildException;
import dev.cais.BuildInstruction;
import dev.cais.BuildLayer;
import dev.cais.BuildMount;
import dev.cais.BuildOrigin;
import dev.cais.BuildRun;
import dev.cais.BuildStage;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.image.dockerfile.Instruction.NetworkMode;
import dev.cais.image.dockerfile.Instruction.Pair;
import dev.cais.image.dockerfile.Instruction.Run;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** Makes a Dockerfile's instructions of what a program has put together. Each has a line of its own in a listing that messages show. */
final class Recipe {
    private final String name;

    /** Each behind those that it needs. */
    private final List<BuildStage> order;

    private final Map<BuildStage, String> names = new HashMap<>();
    private final Set<String> taken = new HashSet<>();
    private final CallText texts = new CallText(this::name);
    private final TextLines listing;
    private int line;

    Recipe(BuildStage target) {
        this.order = inOrder(target);
        this.name = "stage " + (target.name().isEmpty() ? "stage-" + (order.size() - 1) : target.name());
        var lines = new StringBuilder();
        var count = 0;
        for (var stage : order) {
            var called = stage.name().isEmpty() ? "stage-" + names.size() : stage.name();
            if (!taken.add(called)) {
                throw new BuildException(
                        "cannot build " + name + ": two stages are named " + called, "give one another name");
            }
            names.put(stage, called);
            lines.append(texts.from(stage, called)).append('\n');
            for (var instruction : stage.instructions()) {
                lines.append(texts.of(instruction)).append('\n');
            }
            count += stage.instructions().size();
        }
        if (order.size() > Dockerfile.MOST_STAGES || count > Dockerfile.MOST_INSTRUCTIONS) {
            throw new BuildException("cannot build " + name + ": it has more than " + Dockerfile.MOST_STAGES
                    + " stages, or more than " + Dockerfile.MOST_INSTRUCTIONS + " steps");
        }
        this.listing = new TextLines(lines.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Depth first, without recursion: stages may be chained as deep as memory goes. They are values, so there is no circle. */
    private static List<BuildStage> inOrder(BuildStage target) {
        var order = new ArrayList<BuildStage>();
        var seen = new HashMap<BuildStage, Boolean>();
        var stack = new ArrayDeque<BuildStage>();
        stack.push(target);
        while (!stack.isEmpty()) {
            var stage = stack.peek();
            if (seen.putIfAbsent(stage, false) == null) {
                needs(stage).stream()
                        .filter(needed -> !seen.containsKey(needed))
                        .forEach(stack::push);
            } else {
                stack.pop();
                if (Boolean.FALSE.equals(seen.put(stage, true))) {
                    order.add(stage);
                }
            }
        }
        return order;
    }

    private static Collection<BuildStage> needs(BuildStage stage) {
        var needed = new ArrayList<BuildOrigin>();
        needed.add(stage.base());
        for (var instruction : stage.instructions()) {
            if (instruction instanceof BuildCopy copy) {
                needed.add(copy.from());
            } else if (instruction instanceof BuildRun run) {
                run.mounts().stream()
                        .filter(BuildMount.Bind.class::isInstance)
                        .forEach(mount -> needed.add(((BuildMount.Bind) mount).from()));
            }
        }
        return needed.stream()
                .filter(BuildStage.class::isInstance)
                .map(BuildStage.class::cast)
                .toList();
    }

    /** Of the context it is empty. */
    private String name(BuildOrigin origin) {
        if (origin instanceof BuildStage stage) {
            return Objects.requireNonNull(names.get(stage), "stages are named in order");
        }
        return origin instanceof BuildOrigin.Named named ? named.name() : "";
    }

    Dockerfile file() {
        var stages = new ArrayList<Stage>();
        for (var stage : order) {
            var called = name(stage);
            var source = next(texts.from(stage, called));
            requireClear(stage.base(), source);
            var from = new Instruction.From(
                    source,
                    Word.literal(name(stage.base())),
                    stage.platform().map(Platform::toString).map(Word::literal),
                    called);
            var instructions = new ArrayList<Instruction>();
            for (var instruction : stage.instructions()) {
                instructions.add(instruction(instruction));
            }
            stages.add(new Stage(stages.size(), from, instructions));
        }
        return Dockerfile.ofCalls(name, listing, stages);
    }

    private Source next(String text) {
        line++;
        return new Source(line, line, text, List.of(), false);
    }

    /** What is meant as an image must not be taken for a stage. */
    private void requireClear(BuildOrigin origin, Source source) {
        if (origin instanceof BuildOrigin.Named named
                && taken.contains(named.name().toLowerCase(Locale.ROOT))) {
            throw Dockerfile.failureOfCall(
                    name,
                    listing,
                    source,
                    new InvalidSpecException(
                            named.name() + " is an image and a stage of this build",
                            "give the stage as a value, or another name"));
        }
    }

    private Instruction instruction(BuildInstruction given) {
        var source = next(texts.of(given));
        if (given instanceof BuildRun run) {
            return run(source, run);
        } else if (given instanceof BuildCopy copy) {
            requireClear(copy.from(), source);
            var files = transfer(
                    copy.sources(), copy.destination(), copy.owner(), copy.mode(), copy.link(), copy.excludes());
            return new Instruction.Copy(source, files, name(copy.from()), copy.parents());
        } else if (given instanceof BuildAdd add) {
            var files = transfer(add.sources(), add.destination(), add.owner(), add.mode(), add.link(), add.excludes());
            var keeps = add.keepGitDirectory() ? Optional.of(true) : Optional.<Boolean>empty();
            return new Instruction.Add(source, files, optional(add.checksum()), keeps, add.unpack());
        } else if (given instanceof BuildLayer layer) {
            return new Instruction.Files(source, layer);
        }
        return setting(source, given);
    }

    private Instruction setting(Source source, BuildInstruction given) {
        if (given instanceof BuildInstruction.Arg arg) {
            return new Instruction.Arg(
                    source,
                    List.of(new Instruction.Argument(arg.name(), arg.value().map(Word::literal))));
        } else if (given instanceof BuildInstruction.Cmd cmd) {
            return new Instruction.Cmd(source, new Program(cmd.shell(), cmd.words()));
        } else if (given instanceof BuildInstruction.Entrypoint entrypoint) {
            return new Instruction.Entrypoint(source, new Program(entrypoint.shell(), entrypoint.words()));
        } else if (given instanceof BuildInstruction.Env env) {
            return new Instruction.Env(source, pairs(env.variables()), false);
        } else if (given instanceof BuildInstruction.Expose expose) {
            return new Instruction.Expose(source, words(expose.ports()));
        } else if (given instanceof BuildInstruction.Health health) {
            return new Instruction.Health(source, health.check());
        } else if (given instanceof BuildInstruction.Label label) {
            return new Instruction.Label(source, pairs(label.labels()), false);
        } else if (given instanceof BuildInstruction.Maintainer maintainer) {
            return new Instruction.Maintainer(source, maintainer.name());
        } else if (given instanceof BuildInstruction.OnBuild onBuild) {
            return onBuild(source, onBuild.trigger());
        } else if (given instanceof BuildInstruction.Shell shell) {
            return new Instruction.Shell(source, shell.command());
        } else if (given instanceof BuildInstruction.StopSignal stop) {
            return new Instruction.StopSignal(source, Word.literal(stop.signal()));
        } else if (given instanceof BuildInstruction.User user) {
            return new Instruction.User(source, Word.literal(user.user()));
        } else if (given instanceof BuildInstruction.Volume volume) {
            return new Instruction.Volume(source, words(volume.paths()));
        } else if (given instanceof BuildInstruction.Workdir workdir) {
            return new Instruction.Workdir(source, Word.literal(workdir.path()));
        }
        throw new IllegalStateException("no such instruction: " + given);
    }

    private Instruction onBuild(Source source, String trigger) {
        try {
            var read = InstructionParser.parse(InstructionReader.single("ONBUILD " + trigger), '\\');
            return new Instruction.OnBuild(source, ((Instruction.OnBuild) read).trigger());
        } catch (InvalidSpecException e) {
            throw Dockerfile.failureOfCall(name, listing, source, e);
        }
    }

    private Run run(Source source, BuildRun run) {
        var mounts = new ArrayList<MountOptions>();
        for (var mount : run.mounts()) {
            if (mount instanceof BuildMount.Bind bind) {
                requireClear(bind.from(), source);
            }
            var options = new LinkedHashMap<String, Word>();
            texts.options(mount).forEach((option, value) -> options.put(option, Word.literal(value)));
            mounts.add(new MountOptions(options));
        }
        var isScript = run.shell() && run.words().get(0).startsWith("#!");
        var script = isScript
                ? Optional.of(new Heredoc("EOF", false, false, run.words().get(0)))
                : Optional.<Heredoc>empty();
        return new Run(
                source,
                script.isPresent() ? Program.script(script.get()) : new Program(run.shell(), run.words()),
                script,
                mounts,
                NetworkMode.valueOf(run.network().name()),
                run.insecure(),
                run.devices().stream()
                        .map(device -> new RunDevice(device.name(), device.required()))
                        .toList());
    }

    private static Transfer transfer(
            List<String> sources, String destination, String owner, String mode, boolean link, List<String> excludes) {
        return new Transfer(
                words(sources), List.of(), Word.literal(destination), optional(owner), optional(mode), link, excludes);
    }

    private static Optional<Word> optional(String text) {
        return text.isEmpty() ? Optional.empty() : Optional.of(Word.literal(text));
    }

    private static List<Word> words(List<String> texts) {
        return texts.stream().map(Word::literal).toList();
    }

    private static List<Pair> pairs(Map<String, String> pairs) {
        return pairs.entrySet().stream()
                .map(pair -> new Pair(Word.literal(pair.getKey()), Word.literal(pair.getValue())))
                .toList();
    }
}
