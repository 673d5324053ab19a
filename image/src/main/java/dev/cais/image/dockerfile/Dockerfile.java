package dev.cais.image.dockerfile;

import dev.cais.BuildException;
import dev.cais.BuildStage;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction.Arg;
import dev.cais.image.dockerfile.Instruction.From;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A Dockerfile, read: what can be said of it without images and without a build's arguments is checked.
 *
 * <p>It has at most 16 MiB, lines of at most 1 MiB, 100 000 instructions and 10 000 stages. What a program has put together is one, too:
 * its instructions are its lines.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
 */
public final class Dockerfile {
    private static final int LARGEST = 16 << 20;
    static final int MOST_INSTRUCTIONS = 100_000;
    static final int MOST_STAGES = 10_000;

    private static final String LINE = "line";
    private static final String CALL = "call";

    private final String name;

    /** What a place in it is called. */
    private final String unit;

    private final TextLines lines;
    private final Directives directives;
    private final List<Arg> arguments;
    private final List<Stage> stages;

    private Dockerfile(
            String name, String unit, TextLines lines, Directives directives, List<Arg> arguments, List<Stage> stages) {
        this.name = name;
        this.unit = unit;
        this.lines = lines;
        this.directives = directives;
        this.arguments = List.copyOf(arguments);
        this.stages = List.copyOf(stages);
    }

    /**
     * Reads a file to its end; the stream stays open.
     *
     * @param name as messages call it: {@code app/Dockerfile}
     * @param syntax that the build's argument {@code BUILDKIT_SYNTAX} says, in place of the file; empty for what the file does
     * @throws BuildException that shows the line, if it is none, or too large
     */
    public static Dockerfile read(String name, InputStream in, String syntax) throws IOException {
        var content = in.readNBytes(LARGEST + 1);
        if (content.length > LARGEST) {
            throw new BuildException("cannot build " + name + ": it is larger than " + (LARGEST >> 20) + " MiB");
        }
        return parse(name, content, syntax);
    }

    /** The same for its bytes. */
    public static Dockerfile parse(String name, byte[] content, String syntax) {
        try {
            var lines = new TextLines(content);
            return new Reading(name, lines, directives(name, lines, syntax)).file();
        } catch (InvalidSpecException e) {
            throw failure(name, e, Map.of(), "");
        }
    }

    private static Directives directives(String name, TextLines lines, String syntax) {
        var reading = new Directives.Reading(lines, syntax);
        try {
            return reading.all();
        } catch (InvalidSpecException e) {
            if (reading.line() < 0) {
                throw e;
            }
            throw failure(name, LINE, lines, reading.line(), reading.line() + 1, e);
        }
    }

    /**
     * What a program has put together: a stage, and those that it needs.
     *
     * @throws BuildException that shows the call, if they do not fit together
     */
    public static Dockerfile of(BuildStage target) {
        return new Recipe(target).file();
    }

    /** @param calls one line for each instruction */
    static Dockerfile ofCalls(String name, TextLines calls, List<Stage> stages) {
        return new Dockerfile(name, CALL, calls, Directives.OF_CALLS, List.of(), stages);
    }

    /** Takes the instructions one by one. */
    private static final class Reading {
        private final String name;
        private final TextLines lines;
        private final Directives directives;
        private final InstructionReader reader;
        private final List<Arg> arguments = new ArrayList<>();
        private final List<Stage> stages = new ArrayList<>();
        private final List<Instruction> instructions = new ArrayList<>();
        private int count;

        Reading(String name, TextLines lines, Directives directives) {
            this.name = name;
            this.lines = lines;
            this.directives = directives;
            this.reader = new InstructionReader(lines, directives.escape());
        }

        Dockerfile file() {
            try {
                for (var found = reader.next(); found.isPresent(); found = reader.next()) {
                    take(InstructionParser.parse(found.get(), directives.escape()));
                }
            } catch (InvalidSpecException e) {
                throw failure(name, LINE, lines, reader.firstLine(), reader.endLine(), e);
            }
            if (stages.isEmpty()) {
                throw new InvalidSpecException("it has no FROM", "begin with FROM and an image, or scratch");
            }
            endStage();
            return new Dockerfile(name, LINE, lines, directives, arguments, stages);
        }

        private void take(Instruction instruction) {
            if (++count > MOST_INSTRUCTIONS) {
                throw new InvalidSpecException("it has more than " + MOST_INSTRUCTIONS + " instructions");
            }
            if (instruction instanceof From from) {
                endStage();
                if (stages.size() == MOST_STAGES) {
                    throw new InvalidSpecException("it has more than " + MOST_STAGES + " stages");
                }
                stages.add(new Stage(stages.size(), from, List.of()));
            } else if (!stages.isEmpty()) {
                instructions.add(instruction);
            } else if (instruction instanceof Arg arg) {
                arguments.add(arg);
            } else {
                throw new InvalidSpecException(
                        instruction.keyword() + " stands before the first FROM, where only ARG may");
            }
        }

        private void endStage() {
            if (!stages.isEmpty()) {
                var last = stages.size() - 1;
                stages.set(last, new Stage(last, stages.get(last).from(), instructions));
                instructions.clear();
            }
        }
    }

    /** As messages call it. */
    public String name() {
        return name;
    }

    public Directives directives() {
        return directives;
    }

    /** Those before the first stage, in order. */
    public List<Arg> arguments() {
        return arguments;
    }

    /** At least one, in order. */
    public List<Stage> stages() {
        return stages;
    }

    /** What to throw if an instruction cannot be carried out: it shows the lines, those of the instruction marked. */
    public BuildException failure(Source source, EngineException reason) {
        var facts = new LinkedHashMap<String, Object>();
        if (isTrigger(source)) {
            facts.put("trigger", Shown.text(source.text()));
        }
        facts.put(unit, source.line());
        return failure(name, reason, facts, lines.excerpt(source.line() - 1, source.lastLine()));
    }

    /** Whether it is an instruction of the image that a stage begins with, which stands in no line. */
    private boolean isTrigger(Source source) {
        return stages.stream()
                .map(stage -> stage.from().source())
                .anyMatch(from -> from.line() == source.line() && !from.text().equals(source.text()));
    }

    /** The same if no line of it is to blame. */
    public BuildException failure(EngineException reason) {
        return failure(name, reason, Map.of(), "");
    }

    /** What to throw if a warning is one too many. */
    BuildException failure(LintWarning warning) {
        var reason = new InvalidSpecException(
                warning.text() + " (" + warning.rule() + ")", "its directive check allows no warnings");
        return failure(name, unit, lines, warning.line() - 1, warning.line(), reason);
    }

    /** The same while instructions are still put together. */
    static BuildException failureOfCall(String name, TextLines calls, Source source, EngineException reason) {
        return failure(name, CALL, calls, source.line() - 1, source.lastLine(), reason);
    }

    private static BuildException failure(
            String name, String unit, TextLines lines, int first, int end, EngineException reason) {
        return failure(name, reason, Map.of(unit, first + 1), lines.excerpt(first, end));
    }

    private static BuildException failure(String name, EngineException reason, Map<String, ?> facts, String excerpt) {
        var all = new LinkedHashMap<String, Object>(reason.facts());
        all.putAll(facts);
        return new BuildException(
                "cannot build " + name + ": " + reason.problem(), all, reason.help(), reason, excerpt);
    }

    /** As in {@code Dockerfile[app/Dockerfile, 2 stages]}. */
    @Override
    public String toString() {
        return "Dockerfile[" + name + ", " + stages.size() + " stages]";
    }
}
