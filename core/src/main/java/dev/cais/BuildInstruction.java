package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is done in a {@link BuildStage}: an instruction as a Dockerfile has them, but that its texts are what they are. No variable is
 * replaced in them, no quote and no backslash taken off; only patterns of {@code COPY} and {@code ADD} mean more than they say.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public sealed interface BuildInstruction
        permits BuildRun,
                BuildCopy,
                BuildAdd,
                BuildLayer,
                BuildInstruction.Arg,
                BuildInstruction.Cmd,
                BuildInstruction.Entrypoint,
                BuildInstruction.Env,
                BuildInstruction.Expose,
                BuildInstruction.Health,
                BuildInstruction.Label,
                BuildInstruction.Maintainer,
                BuildInstruction.OnBuild,
                BuildInstruction.Shell,
                BuildInstruction.StopSignal,
                BuildInstruction.User,
                BuildInstruction.Volume,
                BuildInstruction.Workdir {

    /** @param value if the build gives none */
    record Arg(String name, Optional<String> value) implements BuildInstruction {
        public Arg {
            require("ARG", name, name);
            require("ARG", name, value.orElse("-"));
        }
    }

    /**
     * What a container runs, or what its entry point is given.
     *
     * @param shell whether it is one line for the image's shell
     */
    record Cmd(boolean shell, List<String> words) implements BuildInstruction {
        public Cmd {
            words = program("CMD", shell, words);
        }
    }

    /** @param shell whether it is one line for the image's shell */
    record Entrypoint(boolean shell, List<String> words) implements BuildInstruction {
        public Entrypoint {
            words = program("ENTRYPOINT", shell, words);
        }
    }

    /** Variables by name, in order. */
    record Env(Map<String, String> variables) implements BuildInstruction {
        public Env {
            variables = pairs("ENV", variables);
        }
    }

    /** @param ports as in {@code 80}, {@code 80/udp} or {@code 8000-8010} */
    record Expose(List<String> ports) implements BuildInstruction {
        public Expose {
            ports = texts("EXPOSE", ports);
        }
    }

    /** {@code HEALTHCHECK}. */
    record Health(HealthCheck check) implements BuildInstruction {}

    /** By key, in order. */
    record Label(Map<String, String> labels) implements BuildInstruction {
        public Label {
            labels = pairs("LABEL", labels);
        }
    }

    /** Who the image says has made it. */
    record Maintainer(String name) implements BuildInstruction {
        public Maintainer {
            require("MAINTAINER", name, name);
        }
    }

    /** @param trigger an instruction as a Dockerfile has it, for builds that begin with the image */
    record OnBuild(String trigger) implements BuildInstruction {
        public OnBuild {
            require("ONBUILD", trigger, trigger);
        }
    }

    /** What runs lines from here on. */
    record Shell(List<String> command) implements BuildInstruction {
        public Shell {
            command = texts("SHELL", command);
        }
    }

    /** @param signal by name or number */
    record StopSignal(String signal) implements BuildInstruction {
        public StopSignal {
            require("STOPSIGNAL", signal, signal);
        }
    }

    /** @param user as in {@code user[:group]}, by name or number */
    record User(String user) implements BuildInstruction {
        public User {
            require("USER", user, user);
        }
    }

    /** {@code VOLUME}. */
    record Volume(List<String> paths) implements BuildInstruction {
        public Volume {
            paths = texts("VOLUME", paths);
        }
    }

    /** @param path below the directory before if it is relative */
    record Workdir(String path) implements BuildInstruction {
        public Workdir {
            require("WORKDIR", path, path);
        }
    }

    private static List<String> program(String keyword, boolean shell, List<String> words) {
        if (shell && words.size() != 1) {
            throw new InvalidSpecException("cannot build with " + keyword + ": a line for a shell is one text");
        }
        words.forEach(word -> require(keyword, word, "-" + word));
        return List.copyOf(words);
    }

    /** Copies texts, of which there is one at least. */
    static List<String> texts(String keyword, List<String> texts) {
        if (texts.isEmpty()) {
            throw new InvalidSpecException("cannot build with " + keyword + ": nothing is behind it");
        }
        texts.forEach(text -> require(keyword, text, text));
        return List.copyOf(texts);
    }

    private static Map<String, String> pairs(String keyword, Map<String, String> pairs) {
        if (pairs.isEmpty()) {
            throw new InvalidSpecException("cannot build with " + keyword + ": nothing is behind it");
        }
        pairs.forEach((name, value) -> {
            require(keyword, name, name);
            require(keyword, name, "-" + value);
            if (keyword.equals("ENV") && name.indexOf('=') >= 0) {
                throw new InvalidSpecException("cannot build with ENV " + name + ": a name has no '='");
            }
        });
        return Collections.unmodifiableMap(new LinkedHashMap<>(pairs));
    }

    private static void require(String keyword, String shown, String text) {
        if (text.isEmpty() || text.indexOf('\0') >= 0) {
            throw new InvalidSpecException(
                    "cannot build with " + keyword + " " + shown.replace('\0', '?') + ": a text is empty or has a NUL");
        }
    }
}
