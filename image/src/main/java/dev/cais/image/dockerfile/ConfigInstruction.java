package dev.cais.image.dockerfile;

import dev.cais.HealthCheck;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * An instruction that changes nothing but what an image says about its containers.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public sealed interface ConfigInstruction {
    /**
     * A program: its arguments, or one line for the image's shell.
     *
     * @param shell whether it is one line
     */
    record Program(boolean shell, List<String> words) {
        public Program {
            words = List.copyOf(words);
        }

        static Program parse(String text) {
            var exec = text.startsWith("[") ? JsonObject.parseTexts(text) : Optional.<List<String>>empty();
            return exec.map(words -> new Program(false, words)).orElseGet(() -> new Program(true, List.of(text)));
        }

        List<String> arguments(ImageConfig config) {
            return shell ? config.inShell(words.get(0)) : words;
        }
    }

    /** {@code CMD}. */
    record Command(Program program) implements ConfigInstruction {}

    /** {@code ENTRYPOINT}: without a {@code CMD} before it, drops the command that there was. */
    record Entrypoint(Program program) implements ConfigInstruction {}

    /** {@code ENV}: names and values as they are written. */
    record Env(Map<String, String> variables) implements ConfigInstruction {
        public Env {
            variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
        }
    }

    /** {@code EXPOSE}: ports as they are written. */
    record Expose(List<String> ports) implements ConfigInstruction {
        public Expose {
            ports = List.copyOf(ports);
        }
    }

    /** {@code HEALTHCHECK}. */
    record Health(HealthCheck check) implements ConfigInstruction {}

    /** {@code LABEL}: keys and values as they are written. */
    record Label(Map<String, String> labels) implements ConfigInstruction {
        public Label {
            labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        }
    }

    /** {@code ONBUILD}. */
    record OnBuild(String instruction) implements ConfigInstruction {}

    /** {@code STOPSIGNAL}, as it is written. */
    record StopSignal(String signal) implements ConfigInstruction {}

    /** {@code USER}, as it is written. */
    record User(String user) implements ConfigInstruction {}

    /** {@code VOLUME}: paths as they are written. */
    record Volume(List<String> paths) implements ConfigInstruction {
        public Volume {
            paths = List.copyOf(paths);
        }
    }

    /** {@code WORKDIR}, as it is written; below the one before if it is relative. */
    record Workdir(String path) implements ConfigInstruction {}

    /**
     * @param line the instruction and what belongs to it; a backslash at the end of a line goes on with the next one
     * @throws InvalidSpecException that names the instruction
     */
    static ConfigInstruction parse(String line) {
        return InstructionText.parse(line);
    }

    /**
     * Carries out instructions in order. Variables are those of the environment before each one.
     *
     * @throws InvalidSpecException that names the instruction
     */
    static ImageConfig applyAll(List<ConfigInstruction> instructions, ImageConfig config) {
        var changed = config;
        var commandGiven = false;
        for (var instruction : instructions) {
            if (instruction instanceof Entrypoint && !commandGiven) {
                changed = changed.command(List.of());
            }
            commandGiven |= instruction instanceof Command;
            changed = instruction.applyTo(changed);
        }
        return changed;
    }

    private ImageConfig applyTo(ImageConfig config) {
        try {
            if (this instanceof Command command) {
                return config.command(command.program().arguments(config));
            } else if (this instanceof Entrypoint entrypoint) {
                return config.entrypoint(entrypoint.program().arguments(config));
            } else if (this instanceof Env env) {
                return config.env(expand(env.variables(), config));
            } else if (this instanceof Expose expose) {
                return config.expose(expose.ports().stream()
                        .flatMap(written ->
                                Arrays.stream(expand(written, config).trim().split("\\s+")))
                        .map(ConfigInstruction::port)
                        .toList());
            } else if (this instanceof Health health) {
                return config.health(health.check());
            } else if (this instanceof Label label) {
                return config.label(expand(label.labels(), config));
            } else if (this instanceof OnBuild onBuild) {
                return config.onBuild(onBuild.instruction());
            } else if (this instanceof StopSignal stop) {
                return config.stopSignal(requireText(expand(stop.signal(), config)));
            } else if (this instanceof User user) {
                return config.user(requireText(expand(user.user(), config)));
            } else if (this instanceof Volume volume) {
                return config.volume(volume.paths().stream()
                        .map(written -> requireText(expand(written, config)))
                        .toList());
            } else if (this instanceof Workdir workdir) {
                return config.workdir(directory(config.workdir(), requireText(expand(workdir.path(), config))));
            }
            throw new IllegalStateException("no such instruction: " + this);
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException("cannot carry out " + Shown.text(toString()) + ": " + e.getMessage());
        }
    }

    private static String expand(String written, ImageConfig config) {
        return Words.expand(written, config::variable);
    }

    private static Map<String, String> expand(Map<String, String> written, ImageConfig config) {
        var expanded = new LinkedHashMap<String, String>();
        written.forEach((key, value) -> expanded.put(requireText(expand(key, config)), expand(value, config)));
        return expanded;
    }

    private static String requireText(String expanded) {
        if (expanded.isEmpty() || expanded.indexOf('\0') >= 0) {
            throw new InvalidSpecException("a value is empty, or has a NUL");
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

    private static String port(String text) {
        var port = text.toLowerCase(Locale.ROOT) + (text.indexOf('/') < 0 ? "/tcp" : "");
        if (!port.matches("[0-9]{1,5}(-[0-9]{1,5})?/(tcp|udp|sctp)")) {
            throw new InvalidSpecException(Shown.text(text) + " is no port as 80, 80/udp or 8000-8010");
        }
        return port;
    }
}
