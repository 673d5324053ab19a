package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.BuildStep;
import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction;
import dev.cais.image.dockerfile.Instruction.Add;
import dev.cais.image.dockerfile.Instruction.Arg;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.Instruction.Env;
import dev.cais.image.dockerfile.Instruction.Expose;
import dev.cais.image.dockerfile.Instruction.Files;
import dev.cais.image.dockerfile.Instruction.Label;
import dev.cais.image.dockerfile.Instruction.Maintainer;
import dev.cais.image.dockerfile.Instruction.OnBuild;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.dockerfile.Instruction.Workdir;
import dev.cais.image.dockerfile.PlannedStage;
import dev.cais.image.dockerfile.StageState;
import dev.cais.image.dockerfile.Word;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeTimes;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** Builds one stage, instruction by instruction. For one thread. */
final class StageWork {
    private final Construction build;
    private final PlannedStage stage;
    private StageFiles files;
    private final int count;
    private int number;

    StageWork(Construction build, PlannedStage stage) {
        this.build = build;
        this.stage = stage;
        this.files = StageFiles.scratch();
        this.count =
                (int) stage.instructions().stream().filter(StageWork::isStep).count()
                        + (build.isFiles(stage.base()) ? 1 : 0);
    }

    private static boolean isStep(Instruction instruction) {
        return instruction instanceof Run
                || instruction instanceof Copy
                || instruction instanceof Add
                || instruction instanceof Files
                || instruction instanceof Workdir;
    }

    StageFiles carryOut() {
        try {
            begin();
        } catch (EngineException e) {
            throw located(stage.stage().from(), e);
        }
        for (var instruction : stage.instructions()) {
            try {
                carryOut(instruction);
            } catch (EngineException e) {
                throw located(instruction, e);
            }
        }
        return files;
    }

    /** Files alone are copied into nothing, which is the same as beginning with them. */
    private void begin() {
        if (build.isFiles(stage.base())) {
            var all = (Copy) Instruction.parse("COPY . /");
            var work = CopyStep.of(build.workplace(), build.steps(), files, build.tree(stage.base()), all);
            copy(work, stage.stage().from());
        } else {
            files = build.begin(stage.base());
        }
    }

    private EngineException located(Instruction instruction, EngineException failure) {
        var isLocated =
                failure instanceof BuildException known && !known.excerpt().isEmpty();
        return isLocated || failure instanceof CancelledException
                ? failure
                : build.dockerfile().failure(instruction.source(), failure);
    }

    private void carryOut(Instruction instruction) {
        if (instruction instanceof Run run) {
            run(run);
        } else if (instruction instanceof Copy copy) {
            copy(CopyStep.of(build.workplace(), build.steps(), files, tree(copy.from()), copy), copy);
        } else if (instruction instanceof Add add) {
            copy(CopyStep.of(build.workplace(), build.steps(), files, tree(""), add, build.remotes()), add);
        } else if (instruction instanceof Files given) {
            layer(given);
        } else {
            var state = files.state().after(instruction, build.arguments());
            if (instruction instanceof Workdir workdir) {
                workdir(workdir, state);
            } else if (instruction instanceof OnBuild) {
                files = files.with(state);
            } else {
                files = files.with(state, history(instruction, state));
            }
        }
    }

    private BuildStep step(Instruction instruction) {
        var source = instruction.source();
        var name = build.spec().platforms().size() > 1 ? build.platform() + " " + stage.stage() : stage.stage() + "";
        return new BuildStep(name, ++number, count, source.line(), source.text());
    }

    private Origins.Tree tree(String from) {
        return from.isEmpty()
                ? build.context()
                : build.tree(Optional.ofNullable(stage.origins().get(from))
                        .orElseThrow(() -> new InvalidSpecException("there is no stage or image " + from)));
    }

    private void run(Run run) {
        Emulation.OF_KERNEL.require(files.base().map(Image::platform).orElse(stage.platform()));
        var work = new RunStep(build.workplace(), files, run, build.arguments(), this::tree, build.spec());
        var step = step(run);
        var latest = build.steps().epoch().filter(epoch -> build.spec().rewriteTimestamp());
        var key = latest.map(time -> work.key().with("the latest time", time.toString()))
                .orElseGet(work::key);
        var made = build.steps()
                .carryOut(
                        step,
                        key,
                        Map::of,
                        upper -> work.carryOut(step, build.steps()::tell, written -> {
                            latest.ifPresent(time -> TreeTimes.clamp(written, time));
                            upper.accept(written);
                        }));
        files = files.with(made.layer(), made.created(), work.history());
    }

    private void copy(CopyStep work, Instruction instruction) {
        var made = build.steps().carryOut(step(instruction), work.key(), work::listing, work::carryOut);
        files = files.with(made.layer(), made.created(), work.history());
    }

    private void layer(Files given) {
        var work = new LayerStep(build.workplace(), build.steps(), given);
        var made = build.steps().carryOut(step(given), work.key(), work::listing, work::carryOut);
        files = files.with(made.layer(), made.created(), work.history());
    }

    /** The directory is the user's. */
    private void workdir(Workdir workdir, StageState state) {
        var path = state.config().workdir();
        if (path.equals("/")) {
            number++; // a step that has nothing to do
            files = files.with(state, "WORKDIR /");
            return;
        }
        var user = state.config().user();
        var owner = user.isEmpty() ? BuildHost.Owner.ROOT : build.workplace().owner(files, user);
        var key = StepKey.of(
                files, StepKey.text("directory", path, owner, build.steps().epoch()));
        var layers = files.diffIds();
        var now = build.steps().now();
        var made = build.steps()
                .carryOut(
                        step(workdir),
                        key,
                        Map::of,
                        upper -> build.workplace()
                                .write(
                                        "cannot make " + path,
                                        layers,
                                        new Stamp(Optional.of(owner), Optional.empty(), time -> time, now),
                                        root -> root.directories(InRoot.path(path)),
                                        upper));
        files = files.with(state).with(made.layer(), made.created(), "WORKDIR " + path);
    }

    /** As BuildKit tells it. */
    private String history(Instruction instruction, StageState state) {
        if (instruction instanceof Arg arg) {
            return "ARG "
                    + arg.arguments().stream()
                            .map(each -> each.name()
                                    + Optional.ofNullable(state.arguments().get(each.name()))
                                            .flatMap(value -> value)
                                            .map(value -> "=" + value)
                                            .orElse(""))
                            .collect(Collectors.joining(" "));
        }
        var before = files.state();
        if (instruction instanceof Env env) {
            return "ENV " + text(env.pairs(), before);
        } else if (instruction instanceof Label label) {
            return "LABEL " + text(label.pairs(), before);
        }
        if (instruction instanceof Expose expose) {
            return "EXPOSE [" + ports(expose, before) + "]";
        }
        if (instruction instanceof Maintainer maintainer) {
            return "MAINTAINER " + maintainer.name();
        }
        var words = instruction.words().map(before::expand).collect(Collectors.joining(" "));
        var keyword = instruction.keyword();
        return switch (keyword) {
            case "CMD" -> "CMD " + quoted(state.config().command());
            case "ENTRYPOINT" -> "ENTRYPOINT " + quoted(state.config().entrypoint());
            case "VOLUME" -> "VOLUME [" + words + "]";
            case "SHELL" -> "SHELL [" + String.join(" ", state.config().shell()) + "]";
            default -> words.isEmpty() ? instruction.source().text() : keyword + " " + words;
        };
    }

    private static String ports(Expose expose, StageState before) {
        var sorted =
                expose.ports().stream().sorted(Comparator.comparing(Word::text)).toList();
        return before.ports(new Expose(expose.source(), sorted))
                .flatMap(port -> port.names().stream())
                .collect(Collectors.joining(" "));
    }

    private static String text(List<Instruction.Pair> pairs, StageState before) {
        return pairs.stream()
                .map(pair -> before.expand(pair.name()) + "=" + before.expand(pair.value()))
                .collect(Collectors.joining(" "));
    }

    /** As Go quotes: BuildKit is written in it. */
    private static String quoted(List<String> words) {
        return words.stream()
                .map(word -> word.codePoints().mapToObj(StageWork::escaped).collect(Collectors.joining("", "\"", "\"")))
                .collect(Collectors.joining(" ", "[", "]"));
    }

    private static String escaped(int point) {
        return switch (point) {
            case '"', '\\' -> "\\" + (char) point;
            case 7 -> "\\a";
            case '\b' -> "\\b";
            case '\t' -> "\\t";
            case '\n' -> "\\n";
            case 11 -> "\\v";
            case '\f' -> "\\f";
            case '\r' -> "\\r";
            default -> point < ' ' || point == 0x7f ? String.format("\\x%02x", point) : Character.toString(point);
        };
    }
}
