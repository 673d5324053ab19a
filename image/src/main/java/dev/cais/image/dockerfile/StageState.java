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
import dev.cais.linux.Signal;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How far a stage has come, its files left aside: what its image would say, and what its variables stand for.
 *
 * @param config what the image says
 * @param arguments of the stage: names that it declares, with the values of those that have one
 * @param environment what programs see, in order: the image's variables, and arguments with a value
 * @param commandGiven whether this stage has a {@code CMD}
 */
public record StageState(
        ImageConfig config,
        Map<String, Optional<String>> arguments,
        Map<String, String> environment,
        boolean commandGiven) {
    private static final String USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    public StageState {
        arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
        environment = Collections.unmodifiableMap(new LinkedHashMap<>(environment));
    }

    /** Of an image as it is, without arguments. */
    public static StageState of(ImageConfig config) {
        var environment = new LinkedHashMap<String, String>();
        for (var variable : config.env()) {
            var parts = variable.split("=", 2);
            environment.put(parts[0], parts.length < 2 ? "" : parts[1]);
        }
        return new StageState(config, Map.of(), environment, false);
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
        return new StageState(config.withoutTriggers(), arguments, environment, false);
    }

    /** The value of a variable: see {@link Word#expand}. */
    public Optional<String> variable(String name) {
        return Optional.ofNullable(environment.get(name));
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
            return with(config.env(expand(env.pairs())), expand(env.pairs()));
        } else if (instruction instanceof Cmd cmd) {
            return new StageState(config.command(cmd.program().arguments(config)), arguments, environment, true);
        } else if (instruction instanceof Entrypoint entrypoint) {
            var changed = config.entrypoint(entrypoint.program().arguments(config));
            return with(commandGiven ? changed : changed.command(List.of()));
        }
        return with(changed(instruction));
    }

    private ImageConfig changed(Instruction instruction) {
        if (instruction instanceof Expose expose) {
            return config.expose(expose.ports().stream()
                    .flatMap(word -> Arrays.stream(expand(word).trim().split("\\s+")))
                    .flatMap(text -> ExposedPort.parse(text).names().stream())
                    .toList());
        } else if (instruction instanceof Health health) {
            return config.health(health.check());
        } else if (instruction instanceof Label label) {
            return config.label(expand(label.pairs()));
        } else if (instruction instanceof Maintainer maintainer) {
            return config.author(maintainer.name());
        } else if (instruction instanceof OnBuild onBuild) {
            return config.onBuild(onBuild.trigger());
        } else if (instruction instanceof Shell shell) {
            return config.shell(shell.command());
        } else if (instruction instanceof StopSignal stop) {
            var signal = requireText(expand(stop.signal()));
            Signal.parse(signal); // no container could be made of it
            return config.stopSignal(signal);
        } else if (instruction instanceof User user) {
            return config.user(requireText(expand(user.user())));
        } else if (instruction instanceof Volume volume) {
            return config.volume(volume.paths().stream()
                    .map(path -> requireText(expand(path)))
                    .toList());
        } else if (instruction instanceof Workdir workdir) {
            return config.workdir(directory(config.workdir(), requireText(expand(workdir.path()))));
        }
        return config;
    }

    private StageState with(ImageConfig changed) {
        return new StageState(changed, arguments, environment, commandGiven);
    }

    private StageState with(ImageConfig changed, Map<String, String> variables) {
        var more = new LinkedHashMap<>(environment);
        more.putAll(variables);
        return new StageState(changed, arguments, more, commandGiven);
    }

    /** An argument without a value is declared all the same: it hides nothing, and lint knows it. */
    private StageState declare(Arg arg, BuildArguments given) {
        var declared = new LinkedHashMap<>(arguments);
        var variables = new LinkedHashMap<>(environment);
        for (var argument : arg.arguments()) {
            var value = given.valueOf(argument, name -> Optional.ofNullable(variables.get(name)));
            declared.put(argument.name(), value);
            value.ifPresent(text -> variables.put(argument.name(), text));
        }
        return new StageState(config, declared, variables, commandGiven);
    }

    private Map<String, String> expand(List<Pair> pairs) {
        var expanded = new LinkedHashMap<String, String>();
        pairs.forEach(pair -> expanded.put(requireText(expand(pair.name())), expand(pair.value())));
        return expanded;
    }

    private static String requireText(String expanded) {
        if (expanded.isEmpty()) {
            throw new InvalidSpecException("a value is empty");
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
