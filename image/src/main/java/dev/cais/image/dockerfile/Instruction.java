package dev.cais.image.dockerfile;

import dev.cais.BuildLayer;
import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * An instruction, read: its options and arguments are known and fit together; words with variables are as they are written.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public sealed interface Instruction {
    Source source();

    /** The words whose variables are replaced when it is carried out. */
    default Stream<Word> words() {
        return Stream.empty();
    }

    /**
     * {@code FROM}.
     *
     * @param image its variables are the arguments before the first stage
     * @param stage the name behind {@code AS} in lower case, or empty
     */
    record From(Source source, Word image, Optional<Word> platform, String stage) implements Instruction {}

    /**
     * {@code RUN}.
     *
     * @param program a here-document that is all there is, is the line; others stand in the line, for its shell to read
     * @param script a here-document that begins with {@code #!}: a file {@code /dev/pipes/NAME} that the program runs
     */
    record Run(
            Source source,
            Program program,
            Optional<Heredoc> script,
            List<MountOptions> mounts,
            NetworkMode network,
            boolean insecure,
            List<RunDevice> devices)
            implements Instruction {
        public Run {
            mounts = List.copyOf(mounts);
            devices = List.copyOf(devices);
        }

        @Override
        public Stream<Word> words() {
            return mounts.stream().flatMap(mount -> mount.options().values().stream());
        }
    }

    /** Which network the program of a {@code RUN} sees. */
    enum NetworkMode {
        DEFAULT,
        NONE,
        HOST
    }

    /** {@code CMD}. */
    record Cmd(Source source, Program program) implements Instruction {}

    /** {@code ENTRYPOINT}: without a {@code CMD} before it in the same stage, drops the command that there was. */
    record Entrypoint(Source source, Program program) implements Instruction {}

    /** @param name a label's or variable's */
    record Pair(Word name, Word value) {}

    /** @param legacy whether it is written as {@code LABEL name value} */
    record Label(Source source, List<Pair> pairs, boolean legacy) implements Instruction {
        public Label {
            pairs = List.copyOf(pairs);
        }

        @Override
        public Stream<Word> words() {
            return pairs.stream().flatMap(pair -> Stream.of(pair.name, pair.value));
        }
    }

    /** @param legacy whether it is written as {@code ENV name value} */
    record Env(Source source, List<Pair> pairs, boolean legacy) implements Instruction {
        public Env {
            pairs = List.copyOf(pairs);
        }

        @Override
        public Stream<Word> words() {
            return pairs.stream().flatMap(pair -> Stream.of(pair.name, pair.value));
        }
    }

    /** {@code MAINTAINER}, as it is written. */
    record Maintainer(Source source, String name) implements Instruction {}

    /** {@code EXPOSE}: each word is any number of ports. */
    record Expose(Source source, List<Word> ports) implements Instruction {
        public Expose {
            ports = List.copyOf(ports);
        }

        @Override
        public Stream<Word> words() {
            return ports.stream();
        }
    }

    /**
     * {@code ADD}.
     *
     * @param checksum of what is fetched
     * @param keepGitDirectory whether {@code .git} is wanted, too; if it is said, the sources are git's
     * @param unpack whether archives are: those of the context unless it says no, others if it says yes
     */
    record Add(
            Source source,
            Transfer files,
            Optional<Word> checksum,
            Optional<Boolean> keepGitDirectory,
            Optional<Boolean> unpack)
            implements Instruction {
        @Override
        public Stream<Word> words() {
            return Stream.concat(Instruction.words(files), checksum.stream());
        }
    }

    /**
     * {@code COPY}.
     *
     * @param from a stage, image or context; empty for the build's own context
     * @param parents whether directories before each source are kept
     */
    record Copy(Source source, Transfer files, String from, boolean parents) implements Instruction {
        @Override
        public Stream<Word> words() {
            return Instruction.words(files);
        }
    }

    private static Stream<Word> words(Transfer files) {
        return Stream.of(
                        files.sources().stream(),
                        Stream.of(files.destination()),
                        files.owner().stream(),
                        files.mode().stream())
                .flatMap(words -> words);
    }

    /** Files that a program gives; no Dockerfile has it. */
    record Files(Source source, BuildLayer layer) implements Instruction {}

    /** {@code VOLUME}. */
    record Volume(Source source, List<Word> paths) implements Instruction {
        public Volume {
            paths = List.copyOf(paths);
        }

        @Override
        public Stream<Word> words() {
            return paths.stream();
        }
    }

    /** {@code USER}. */
    record User(Source source, Word user) implements Instruction {
        @Override
        public Stream<Word> words() {
            return Stream.of(user);
        }
    }

    /** {@code WORKDIR}: below the one before if it is relative. */
    record Workdir(Source source, Word path) implements Instruction {
        @Override
        public Stream<Word> words() {
            return Stream.of(path);
        }
    }

    /** @param value if the build gives none */
    record Argument(String name, Optional<Word> value) {}

    /** {@code ARG}. */
    record Arg(Source source, List<Argument> arguments) implements Instruction {
        public Arg {
            arguments = List.copyOf(arguments);
        }
    }

    /** {@code ONBUILD}: an instruction, as it is written, for builds that begin with the image. */
    record OnBuild(Source source, String trigger) implements Instruction {}

    /** {@code STOPSIGNAL}. */
    record StopSignal(Source source, Word signal) implements Instruction {
        @Override
        public Stream<Word> words() {
            return Stream.of(signal);
        }
    }

    /** {@code HEALTHCHECK}. */
    record Health(Source source, HealthCheck check) implements Instruction {}

    /** {@code SHELL}. */
    record Shell(Source source, List<String> command) implements Instruction {}

    /**
     * Reads one instruction that stands alone, with its here-documents: an image's trigger, or a change of a commit.
     *
     * @throws InvalidSpecException that names the instruction
     */
    static Instruction parse(String text) {
        try {
            return InstructionParser.parse(InstructionReader.single(text), '\\');
        } catch (InvalidSpecException e) {
            throw unread(text, e);
        }
    }

    /**
     * The same for a trigger, which has no lines of its own.
     *
     * @param from where the build says that it begins with the trigger's image
     */
    static Instruction parseTrigger(String text, Source from) {
        try {
            var found = InstructionReader.single(text);
            var source = new Source(from.line(), from.lastLine(), found.source().text(), List.of(), false);
            return InstructionParser.parse(new InstructionReader.Found(source, found.documents()), '\\');
        } catch (InvalidSpecException e) {
            throw unread(text, e);
        }
    }

    private static InvalidSpecException unread(String text, InvalidSpecException e) {
        return new InvalidSpecException(
                "cannot read instruction '" + Shown.text(text.trim()) + "': " + e.problem(), e.help());
    }

    /** Its name, as {@code RUN}. */
    default String keyword() {
        return source().keyword().toUpperCase(Locale.ROOT);
    }
}
