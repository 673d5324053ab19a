package dev.cais.image.dockerfile;

import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
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
import dev.cais.image.dockerfile.Instruction.NetworkMode;
import dev.cais.image.dockerfile.Instruction.OnBuild;
import dev.cais.image.dockerfile.Instruction.Pair;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.dockerfile.Instruction.Shell;
import dev.cais.image.dockerfile.Instruction.StopSignal;
import dev.cais.image.dockerfile.Instruction.User;
import dev.cais.image.dockerfile.Instruction.Volume;
import dev.cais.image.dockerfile.Instruction.Workdir;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads one instruction. Errors have the reason alone. */
final class InstructionParser {
    private static final Set<String> NAMES = Set.of(
            "ADD",
            "ARG",
            "CMD",
            "COPY",
            "ENTRYPOINT",
            "ENV",
            "EXPOSE",
            "FROM",
            "HEALTHCHECK",
            "LABEL",
            "MAINTAINER",
            "ONBUILD",
            "RUN",
            "SHELL",
            "STOPSIGNAL",
            "USER",
            "VOLUME",
            "WORKDIR");
    private static final Set<String> NOT_ON_BUILD = Set.of("ONBUILD", "FROM", "MAINTAINER");
    private static final Pattern STAGE_NAME = Pattern.compile("[a-z][a-z0-9_.-]*");
    private static final Pattern HAS_VARIABLE = Pattern.compile("\\$.", Pattern.DOTALL);
    private static final Pattern DURATION =
            Pattern.compile("([0-9]{1,18}(?:\\.[0-9]{0,9})?|\\.[0-9]{1,9})(ns|us|[µμ]s|ms|s|m|h)");
    private static final Map<String, BigDecimal> NANOS = Map.of(
            "ns", BigDecimal.ONE,
            "us", BigDecimal.valueOf(1_000),
            "µs", BigDecimal.valueOf(1_000),
            "ms", BigDecimal.valueOf(1_000_000),
            "s", BigDecimal.valueOf(1_000_000_000L),
            "m", BigDecimal.valueOf(60_000_000_000L),
            "h", BigDecimal.valueOf(3_600_000_000_000L));

    /** As Docker has it. */
    private static final Duration SHORTEST = Duration.ofMillis(1);

    private final Source source;
    private final Deque<Heredoc> documents;
    private final char escape;
    private final String name;
    private final Flags flags;
    private final String rest;

    private InstructionParser(InstructionReader.Found found, char escape) {
        this.source = found.source();
        this.documents = new ArrayDeque<>(found.documents());
        this.escape = escape;
        this.name = source.keyword().toUpperCase(Locale.ROOT);
        this.flags =
                Flags.split(source.text().substring(source.keyword().length()).stripLeading());
        this.rest = flags.rest();
    }

    static Instruction parse(InstructionReader.Found found, char escape) {
        return new InstructionParser(found, escape).instruction();
    }

    private Instruction instruction() {
        if (!NAMES.contains(name)) {
            throw new InvalidSpecException(
                    "there is no instruction " + Shown.text(source.keyword()), Spelling.didYouMean(name, NAMES));
        }
        if (rest.isEmpty()) {
            throw new InvalidSpecException(name + " has nothing behind it");
        }
        return switch (name) {
            case "RUN" -> run();
            case "COPY" -> copy();
            case "ADD" -> add();
            case "FROM" -> from();
            case "HEALTHCHECK" -> new Health(source, healthCheck());
            default -> withoutFlags();
        };
    }

    private Instruction withoutFlags() {
        flags.require(name, Set.of(), Set.of());
        return switch (name) {
            case "ARG" -> arg();
            case "CMD" -> new Cmd(source, Program.parse(rest));
            case "ENTRYPOINT" -> new Entrypoint(source, Program.parse(rest));
            case "ENV" -> new Env(source, pairs(), isLegacy());
            case "EXPOSE" -> new Expose(source, plainWords());
            case "LABEL" -> new Label(source, pairs(), isLegacy());
            case "MAINTAINER" -> new Maintainer(source, rest);
            case "ONBUILD" -> onBuild();
            case "SHELL" -> shell();
            case "STOPSIGNAL" -> new StopSignal(source, word(rest));
            case "USER" -> new User(source, word(rest));
            case "VOLUME" -> volume();
            default -> new Workdir(source, word(rest));
        };
    }

    private Word word(String text) {
        return new Word(text, escape);
    }

    private List<Word> plainWords() {
        return Arrays.stream(rest.split("\\s+")).map(this::word).toList();
    }

    /** A JSON array of strings, or words between blanks, which no quotes keep together. */
    private List<Word> listOrWords() {
        return rest.startsWith("[")
                ? JsonObject.findArray(rest)
                        .map(Program::strings)
                        .map(texts -> texts.stream().map(this::word).toList())
                        .orElseGet(this::plainWords)
                : plainWords();
    }

    private Volume volume() {
        var paths = listOrWords();
        if (paths.isEmpty()) {
            throw new InvalidSpecException("VOLUME has no path");
        }
        return new Volume(source, paths);
    }

    private Run run() {
        flags.require(name, Set.of("network", "security"), Set.of("mount", "device"));
        var mounts = flags.list("mount").stream()
                .map(text -> MountOptions.parse(text, escape))
                .toList();
        var network = flags.find("network").map(InstructionParser::network).orElse(NetworkMode.DEFAULT);
        var insecure = flags.find("security").filter(this::isInsecure).isPresent();
        var words = InstructionReader.joined(Word.split(rest, escape));
        var whole = words.size() == 1
                        && InstructionReader.document(words.get(0).text()).isPresent()
                ? documents.pollFirst()
                : null;
        var script = Optional.<Heredoc>empty();
        Program program;
        if (whole == null) {
            program = documents.isEmpty() ? Program.parse(rest) : Program.shell(withDocuments(rest));
        } else if (whole.text().startsWith("#!")) {
            script = Optional.of(whole);
            program = Program.script(whole);
        } else {
            program = Program.shell(whole.text());
        }
        if (program.words().isEmpty()) {
            throw new InvalidSpecException("RUN has an empty JSON array, which names no program");
        }
        var devices = flags.list("device").stream().map(RunDevice::parse).toList();
        return new Run(source, program, script, mounts, network, insecure, devices);
    }

    /** As the shell reads it. */
    private String withDocuments(String line) {
        var text = new StringBuilder(line);
        for (var document : documents) {
            text.append('\n').append(document.content()).append(document.name());
        }
        return text.toString();
    }

    private static NetworkMode network(String value) {
        return switch (value) {
            case "default" -> NetworkMode.DEFAULT;
            case "none" -> NetworkMode.NONE;
            case "host" -> NetworkMode.HOST;
            default ->
                throw new InvalidSpecException(
                        "there is no network " + Shown.text(value),
                        "write --network=default, --network=none or --network=host");
        };
    }

    private boolean isInsecure(String value) {
        if (!value.equals("sandbox") && !value.equals("insecure")) {
            throw new InvalidSpecException(
                    "there is no security " + Shown.text(value), "write --security=sandbox or --security=insecure");
        }
        return value.equals("insecure");
    }

    private Copy copy() {
        flags.require(name, Set.of("from", "chown", "chmod", "link", "parents"), Set.of("exclude"));
        var from = flags.find("from").orElse("");
        if (HAS_VARIABLE.matcher(from).find()) {
            throw new InvalidSpecException(
                    "--from has a variable, and must be known before any is",
                    "name a stage FROM that variable, and copy from the stage");
        }
        return new Copy(source, transfer(), from, flags.findBoolean("parents").orElse(false));
    }

    private Add add() {
        flags.require(name, Set.of("chown", "chmod", "link", "keep-git-dir", "checksum", "unpack"), Set.of("exclude"));
        return new Add(
                source,
                transfer(),
                flags.find("checksum").map(this::word),
                flags.findBoolean("keep-git-dir"),
                flags.findBoolean("unpack"));
    }

    private Transfer transfer() {
        var words = new ArrayList<>(documents.isEmpty() ? listOrWords() : InstructionReader.joined(listOrWords()));
        if (words.size() < 2) {
            throw new InvalidSpecException(name + " has a source and no destination");
        }
        var destination = words.remove(words.size() - 1);
        var sources = new ArrayList<Word>();
        var files = new ArrayList<Heredoc>();
        for (var word : words) {
            if (!documents.isEmpty() && InstructionReader.document(word.text()).isPresent()) {
                files.add(documents.removeFirst());
            } else {
                sources.add(word);
            }
        }
        if (!documents.isEmpty()) {
            throw new InvalidSpecException(name + " has a here-document where its destination must be");
        }
        return new Transfer(
                sources,
                files,
                destination,
                flags.find("chown").map(this::word),
                flags.find("chmod").map(this::word),
                flags.findBoolean("link").orElse(false),
                flags.list("exclude"));
    }

    private From from() {
        flags.require(name, Set.of("platform"), Set.of());
        var words = plainWords();
        var named = words.size() == 3 && words.get(1).text().equalsIgnoreCase("AS");
        if (words.size() != 1 && !named) {
            throw new InvalidSpecException("FROM has one image, or an image AS name");
        }
        var stage = named ? words.get(2).text().toLowerCase(Locale.ROOT) : "";
        if (named && !STAGE_NAME.matcher(stage).matches()) {
            throw new InvalidSpecException(
                    Shown.text(stage) + " is no name of a stage", "write a letter, then letters, digits, _, . and -");
        }
        return new From(source, words.get(0), flags.find("platform").map(this::word), stage);
    }

    private Arg arg() {
        var arguments = new ArrayList<Argument>();
        for (var word : Word.split(rest, escape)) {
            var equals = word.text().indexOf('=');
            var key = equals < 0 ? word.text() : word.text().substring(0, equals);
            if (key.isEmpty()) {
                throw new InvalidSpecException("ARG has a value without a name");
            }
            arguments.add(new Argument(
                    key,
                    equals < 0 ? Optional.empty() : Optional.of(word(word.text().substring(equals + 1)))));
        }
        return new Arg(source, arguments);
    }

    private boolean isLegacy() {
        return Word.split(rest, escape).get(0).text().indexOf('=') < 0;
    }

    /** {@code key=value …}, or a key and one value behind a blank. */
    private List<Pair> pairs() {
        if (isLegacy()) {
            var parts = rest.split("\\s+", 2);
            if (parts.length < 2) {
                throw new InvalidSpecException(name + " has a name and no value");
            }
            return List.of(new Pair(word(parts[0]), word(parts[1])));
        }
        var pairs = new ArrayList<Pair>();
        for (var word : Word.split(rest, escape)) {
            var equals = word.text().indexOf('=');
            if (equals == 0) {
                throw new InvalidSpecException(name + " has a value without a name: " + Shown.text(word.text()));
            }
            if (equals < 0) {
                throw new InvalidSpecException(
                        Shown.text(word.text()) + " is not written as name=value",
                        "put a value with blanks in double quotes");
            }
            pairs.add(new Pair(
                    word(word.text().substring(0, equals)), word(word.text().substring(equals + 1))));
        }
        return pairs;
    }

    private OnBuild onBuild() {
        var trigger = rest.split("\\s+", 2)[0].toUpperCase(Locale.ROOT);
        if (NOT_ON_BUILD.contains(trigger)) {
            throw new InvalidSpecException(trigger + " cannot come later, in another build");
        }
        var text = withDocuments(rest);
        parse(InstructionReader.single(text), '\\'); // the other build could say less of what is wrong
        return new OnBuild(source, text);
    }

    private Shell shell() {
        return new Shell(
                source,
                JsonObject.findArray(rest)
                        .map(Program::strings)
                        .filter(words -> !words.isEmpty() && !words.get(0).isEmpty())
                        .orElseThrow(() -> new InvalidSpecException(
                                "SHELL is no JSON array of a program and its arguments",
                                "write SHELL [\"/bin/sh\", \"-c\"]")));
    }

    private HealthCheck healthCheck() {
        flags.require(name, Set.of("interval", "timeout", "start-period", "start-interval", "retries"), Set.of());
        var parts = rest.split("\\s+", 2);
        var command = parts.length < 2 ? "" : parts[1];
        var kind = parts[0].toUpperCase(Locale.ROOT);
        if (kind.equals("NONE") && command.isEmpty()) {
            return HealthCheck.NONE;
        }
        if (!kind.equals("CMD") || command.isEmpty()) {
            throw new InvalidSpecException("a health check is NONE, or CMD and a command");
        }
        var program = Program.parse(command);
        if (program.words().isEmpty()) {
            throw new InvalidSpecException("a health check is NONE, or CMD and a command");
        }
        var check = program.shell()
                ? HealthCheck.shell(command)
                : HealthCheck.exec(program.words().toArray(String[]::new));
        check = time("interval").map(check::interval).orElse(check);
        check = time("timeout").map(check::timeout).orElse(check);
        check = time("start-period").map(check::startPeriod).orElse(check);
        check = time("start-interval").map(check::startInterval).orElse(check);
        return flags.find("retries")
                .map(InstructionParser::retries)
                .filter(retries -> retries > 0)
                .map(check::retries)
                .orElse(check);
    }

    private static int retries(String text) {
        if (!text.matches("[0-9]{1,9}")) {
            throw new InvalidSpecException("--retries is no number: " + Shown.text(text));
        }
        return Integer.parseInt(text);
    }

    /** A zero stands for what is usual. */
    private Optional<Duration> time(String option) {
        return flags.find(option).map(text -> duration(option, text)).filter(time -> !time.isZero());
    }

    /** Digits may be missing on one side of the point. */
    private static BigDecimal number(String text) {
        return new BigDecimal("0" + (text.endsWith(".") ? text + "0" : text));
    }

    /** As {@code 1m30s} or {@code 1.5h}. */
    private static Duration duration(String option, String text) {
        var parts = DURATION.matcher(text);
        var nanos = BigDecimal.ZERO;
        var at = text.startsWith("+") ? 1 : 0;
        while (at < text.length() && parts.find(at) && parts.start() == at) {
            var unit = parts.group(2).replace('μ', 'µ'); // the Greek letter, and the sign
            nanos = nanos.add(number(parts.group(1)).multiply(NANOS.get(unit)));
            at = parts.end();
        }
        var isTime = !text.isEmpty() && at == text.length() && nanos.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0;
        if (!isTime && !text.equals("0")) {
            throw new InvalidSpecException("--" + option + " is no time: " + Shown.text(text), "write as 30s or 1m30s");
        }
        var time = Duration.ofNanos(nanos.setScale(0, RoundingMode.DOWN).longValue());
        if (!time.isZero() && time.compareTo(SHORTEST) < 0) {
            throw new InvalidSpecException("--" + option + " is less than 1 ms: " + Shown.text(text));
        }
        return time;
    }
}
