package dev.cais.image.dockerfile;

import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction.Arg;
import dev.cais.image.dockerfile.Instruction.Cmd;
import dev.cais.image.dockerfile.Instruction.Entrypoint;
import dev.cais.image.dockerfile.Instruction.Env;
import dev.cais.image.dockerfile.Instruction.Expose;
import dev.cais.image.dockerfile.Instruction.Health;
import dev.cais.image.dockerfile.Instruction.Label;
import dev.cais.image.dockerfile.Instruction.Maintainer;
import dev.cais.image.dockerfile.Instruction.OnBuild;
import dev.cais.image.dockerfile.Instruction.Pair;
import dev.cais.image.dockerfile.Instruction.Shell;
import dev.cais.image.dockerfile.Instruction.StopSignal;
import dev.cais.image.dockerfile.Instruction.User;
import dev.cais.image.dockerfile.Instruction.Volume;
import dev.cais.image.dockerfile.Instruction.Workdir;
import dev.cais.image.oci.Shown;
import dev.cais.linux.Signal;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * How far a stage has come, its files left aside: what its image would say, and what its variables stand for. There is one for each line
 * of a Dockerfile; what lines add to is not copied for each of them.
 */
public final class StageState {
    private static final String USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private final ImageConfig base;
    private final Added added;
    private final GrowingMap<Optional<String>> arguments;
    private final GrowingMap<String> environment;
    private final boolean commandGiven;

    /**
     * What the image says beside what {@code base} does.
     *
     * @param ports each by itself, as volumes are
     */
    private record Added(
            GrowingMap<String> env, GrowingMap<String> labels, GrowingMap<String> ports, GrowingMap<String> volumes) {
        static final Added NOTHING = new Added(
                GrowingMap.of(Map.of()), GrowingMap.of(Map.of()), GrowingMap.of(Map.of()), GrowingMap.of(Map.of()));

        Added env(Map<String, String> more) {
            return new Added(env.with(more), labels, ports, volumes);
        }

        Added labels(Map<String, String> more) {
            return new Added(env, labels.with(more), ports, volumes);
        }

        Added ports(List<String> more) {
            return new Added(env, labels, ports.with(each(more)), volumes);
        }

        Added volumes(List<String> more) {
            return new Added(env, labels, ports, volumes.with(each(more)));
        }

        private static Map<String, String> each(List<String> names) {
            var each = new LinkedHashMap<String, String>();
            names.forEach(name -> each.put(name, name));
            return each;
        }

        ImageConfig to(ImageConfig config) {
            return this.equals(NOTHING)
                    ? config
                    : config.env(env)
                            .label(labels)
                            .expose(List.copyOf(ports.values()))
                            .volume(List.copyOf(volumes.values()));
        }
    }

    private StageState(
            ImageConfig base,
            Added added,
            GrowingMap<Optional<String>> arguments,
            GrowingMap<String> environment,
            boolean commandGiven) {
        this.base = base;
        this.added = added;
        this.arguments = arguments;
        this.environment = environment;
        this.commandGiven = commandGiven;
    }

    /** What the image says. */
    public ImageConfig config() {
        return added.to(base);
    }

    /** Of the stage: names that it declares, with the values of those that have one. */
    public Map<String, Optional<String>> arguments() {
        return arguments;
    }

    /** What programs see, in order: the image's variables, and arguments with a value. */
    public Map<String, String> environment() {
        return environment;
    }

    /** Of an image as it is, without arguments. */
    public static StageState of(ImageConfig config) {
        var environment = new LinkedHashMap<String, String>();
        for (var variable : config.env()) {
            var parts = variable.split("=", 2);
            environment.put(parts[0], parts.length < 2 ? "" : parts[1]);
        }
        return new StageState(config, Added.NOTHING, GrowingMap.of(Map.of()), GrowingMap.of(environment), false);
    }

    /** At the beginning of a stage: triggers are gone, and there is a {@code PATH}. */
    public static StageState begin(ImageConfig base) {
        var config = base.withoutTriggers();
        return of(config.variable("PATH").isPresent() ? config : config.env("PATH", USUAL_PATH));
    }

    /** At the beginning of a stage of nothing: {@code FROM scratch}. */
    public static StageState ofScratch() {
        return begin(ImageConfig.EMPTY.workdir("/"));
    }

    /** At the beginning of a stage that goes on from the end of this one. Arguments are inherited. */
    public StageState next() {
        return new StageState(base.withoutTriggers(), added, arguments, environment, false);
    }

    /** The value of a variable: see {@link Word#expand}. */
    public Optional<String> variable(String name) {
        return environment.find(name);
    }

    /** @throws InvalidSpecException with the reason alone */
    public String expand(Word word) {
        return word.expand(this::variable);
    }

    /**
     * What an instruction makes of it; {@code RUN}, {@code COPY} and {@code ADD}, which change files, make nothing. Variables are
     * those before it.
     *
     * @param given the build's arguments: see {@link BuildArguments#valueOf}
     * @throws InvalidSpecException with the reason alone
     */
    public StageState after(Instruction instruction, BuildArguments given) {
        if (instruction instanceof Arg arg) {
            return declare(arg, given);
        } else if (instruction instanceof Env env) {
            var variables = expand(env, env.pairs());
            return new StageState(base, added.env(variables), arguments, environment.with(variables), commandGiven);
        } else if (instruction instanceof Cmd cmd) {
            var changed = base.command(cmd.program().arguments(base));
            return new StageState(changed, added, arguments, environment, true);
        } else if (instruction instanceof Entrypoint entrypoint) {
            var changed = base.entrypoint(entrypoint.program().arguments(base));
            return with(commandGiven ? changed : changed.command(List.of()));
        } else if (instruction instanceof Expose expose) {
            return with(added.ports(
                    ports(expose).flatMap(port -> port.names().stream()).toList()));
        } else if (instruction instanceof Label label) {
            return with(added.labels(expand(label, label.pairs())));
        } else if (instruction instanceof Volume volume) {
            return with(added.volumes(volume.paths().stream()
                    .map(path -> requireText(volume, path))
                    .toList()));
        }
        return with(changed(instruction));
    }

    private ImageConfig changed(Instruction instruction) {
        if (instruction instanceof Health health) {
            return base.health(health.check());
        } else if (instruction instanceof Maintainer maintainer) {
            return base.author(maintainer.name());
        } else if (instruction instanceof OnBuild onBuild) {
            return base.onBuild(onBuild.trigger());
        } else if (instruction instanceof Shell shell) {
            return base.shell(shell.command());
        } else if (instruction instanceof StopSignal stop) {
            var signal = requireText(stop, stop.signal());
            Signal.parse(signal); // no container could be made of it
            return base.stopSignal(signal);
        } else if (instruction instanceof User user) {
            return base.user(expand(user.user())); // root, if its variable has no value: as with BuildKit
        } else if (instruction instanceof Workdir workdir) {
            return base.workdir(directory(base.workdir(), expand(workdir.path())));
        }
        return base;
    }

    /**
     * What {@code EXPOSE} names; of a variable without a value, nothing.
     *
     * @throws InvalidSpecException with the reason alone
     */
    public Stream<ExposedPort> ports(Expose expose) {
        return expose.ports().stream()
                .flatMap(word -> Arrays.stream(expand(word).trim().split("\\s+")))
                .filter(text -> !text.isEmpty())
                .map(ExposedPort::parse);
    }

    private StageState with(ImageConfig changed) {
        return new StageState(changed, added, arguments, environment, commandGiven);
    }

    private StageState with(Added changed) {
        return new StageState(base, changed, arguments, environment, commandGiven);
    }

    /** An argument without a value is declared all the same: it hides nothing, and lint knows it. */
    private StageState declare(Arg arg, BuildArguments given) {
        var declared = arguments;
        var variables = environment;
        for (var argument : arg.arguments()) {
            var value = given.valueOf(argument, variables::find);
            declared = declared.with(Map.of(argument.name(), value));
            if (value.isPresent()) {
                variables = variables.with(Map.of(argument.name(), value.get()));
            }
        }
        return new StageState(base, added, declared, variables, commandGiven);
    }

    private Map<String, String> expand(Instruction instruction, List<Pair> pairs) {
        var expanded = new LinkedHashMap<String, String>();
        pairs.forEach(pair -> expanded.put(requireText(instruction, pair.name()), expand(pair.value())));
        return expanded;
    }

    private String requireText(Instruction instruction, Word word) {
        var expanded = expand(word);
        if (expanded.isEmpty()) {
            throw new InvalidSpecException(
                    "what stands behind " + instruction.keyword() + " is empty"
                            + (word.text().isEmpty() ? "" : ": " + Shown.text(word.text())),
                    word.isOpen() ? "give its variable a value" : "");
        }
        return expanded;
    }

    /** Absolute, without {@code .} and {@code ..}. */
    private static String directory(String below, String path) {
        var names = new ArrayDeque<String>();
        for (var name : (path.startsWith("/") ? path : below + "/" + path).split("/")) {
            if (name.equals("..")) {
                names.pollLast();
            } else if (!name.isEmpty() && !name.equals(".")) {
                names.add(name);
            }
        }
        return "/" + String.join("/", names);
    }
}
