package dev.cais.image.dockerfile;

import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.ConfigInstruction.Command;
import dev.cais.image.dockerfile.ConfigInstruction.Entrypoint;
import dev.cais.image.dockerfile.ConfigInstruction.Env;
import dev.cais.image.dockerfile.ConfigInstruction.Expose;
import dev.cais.image.dockerfile.ConfigInstruction.Health;
import dev.cais.image.dockerfile.ConfigInstruction.Label;
import dev.cais.image.dockerfile.ConfigInstruction.OnBuild;
import dev.cais.image.dockerfile.ConfigInstruction.Program;
import dev.cais.image.dockerfile.ConfigInstruction.StopSignal;
import dev.cais.image.dockerfile.ConfigInstruction.User;
import dev.cais.image.dockerfile.ConfigInstruction.Volume;
import dev.cais.image.dockerfile.ConfigInstruction.Workdir;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Reads one instruction of a Dockerfile. */
final class InstructionText {
    private static final int LONGEST = 1 << 20;
    private static final Pattern CONTINUED = Pattern.compile("\\\\[ \\t]*\\r?\\n");
    private static final Pattern DURATION = Pattern.compile("([0-9]{1,18}(?:\\.[0-9]{1,9})?)(ns|us|µs|ms|s|m|h)");
    private static final Map<String, BigDecimal> NANOS = Map.of(
            "ns", BigDecimal.ONE,
            "us", BigDecimal.valueOf(1_000),
            "µs", BigDecimal.valueOf(1_000),
            "ms", BigDecimal.valueOf(1_000_000),
            "s", BigDecimal.valueOf(1_000_000_000L),
            "m", BigDecimal.valueOf(60_000_000_000L),
            "h", BigDecimal.valueOf(3_600_000_000_000L));
    private static final Set<String> NOT_ON_BUILD = Set.of("ONBUILD", "FROM", "MAINTAINER");

    private final String name;
    private final String rest;

    private InstructionText(String name, String rest) {
        this.name = name;
        this.rest = rest;
    }

    static ConfigInstruction parse(String line) {
        var text = CONTINUED.matcher(line).replaceAll("").trim();
        var parts = text.split("\\s+", 2);
        try {
            if (line.length() > LONGEST || text.indexOf('\n') >= 0 || text.indexOf('\0') >= 0) {
                throw new InvalidSpecException("it is more than one line, or than " + LONGEST + " characters");
            }
            var name = parts[0].toUpperCase(Locale.ROOT);
            return new InstructionText(name, parts.length < 2 ? "" : parts[1]).instruction();
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException("cannot read instruction '" + Shown.text(text) + "': " + e.getMessage());
        }
    }

    private ConfigInstruction instruction() {
        return switch (name) {
            case "CMD" -> new Command(Program.parse(required()));
            case "ENTRYPOINT" -> new Entrypoint(Program.parse(required()));
            case "ENV" -> new Env(pairs());
            case "EXPOSE" -> new Expose(Words.split(required()));
            case "HEALTHCHECK" -> new Health(healthCheck());
            case "LABEL" -> new Label(pairs());
            case "ONBUILD" -> onBuild();
            case "STOPSIGNAL" -> new StopSignal(required());
            case "USER" -> new User(required());
            case "VOLUME" -> new Volume(JsonObject.parseTexts(required()).orElseGet(() -> Words.split(rest)));
            case "WORKDIR" -> new Workdir(required());
            default ->
                throw new InvalidSpecException(
                        "it does not change an image's configuration",
                        "write CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or"
                                + " WORKDIR");
        };
    }

    private String required() {
        if (rest.isEmpty()) {
            throw new InvalidSpecException(name + " has nothing behind it");
        }
        return rest;
    }

    /** {@code key=value …}, or a key and one value behind a blank. */
    private Map<String, String> pairs() {
        var words = Words.split(required());
        if (words.get(0).indexOf('=') < 0) {
            var parts = rest.split("\\s+", 2);
            if (parts.length < 2) {
                throw new InvalidSpecException(name + " has a name and no value");
            }
            return Map.of(parts[0], parts[1]);
        }
        var pairs = new LinkedHashMap<String, String>();
        for (var word : words) {
            var equals = word.indexOf('=');
            if (equals < 1) {
                throw new InvalidSpecException(Shown.text(word) + " is not written as name=value");
            }
            pairs.put(word.substring(0, equals), word.substring(equals + 1));
        }
        return pairs;
    }

    private OnBuild onBuild() {
        var trigger = required().split("\\s+", 2)[0].toUpperCase(Locale.ROOT);
        if (NOT_ON_BUILD.contains(trigger)) {
            throw new InvalidSpecException(trigger + " cannot come later, in another build");
        }
        return new OnBuild(rest);
    }

    private HealthCheck healthCheck() {
        var left = required();
        var options = new LinkedHashMap<String, String>();
        while (left.startsWith("--")) {
            var parts = left.split("\\s+", 2);
            var equals = parts[0].indexOf('=');
            if (equals < 0 || options.put(parts[0].substring(2, equals), parts[0].substring(equals + 1)) != null) {
                throw new InvalidSpecException(Shown.text(parts[0]) + " has no value, or is there twice");
            }
            left = parts.length < 2 ? "" : parts[1];
        }
        var parts = left.split("\\s+", 2);
        var command = parts.length < 2 ? "" : parts[1];
        var kind = parts[0].toUpperCase(Locale.ROOT);
        if (kind.equals("NONE") && command.isEmpty() && options.isEmpty()) {
            return HealthCheck.NONE;
        }
        if (!kind.equals("CMD") || command.isEmpty()) {
            throw new InvalidSpecException("a health check is NONE, or CMD and a command");
        }
        var program = Program.parse(command);
        var check = program.shell()
                ? HealthCheck.shell(command)
                : HealthCheck.exec(program.words().toArray(String[]::new));
        for (var option : options.entrySet()) {
            check = with(check, option.getKey(), option.getValue());
        }
        return check;
    }

    /** A zero stands for what is usual. */
    private static HealthCheck with(HealthCheck check, String option, String value) {
        if (option.equals("retries")) {
            var retries = Optional.of(value)
                    .filter(text -> text.matches("[0-9]{1,9}"))
                    .map(Integer::parseInt);
            return retries.map(count -> count == 0 ? check : check.retries(count))
                    .orElseThrow(() -> new InvalidSpecException(Shown.text(value) + " is no number of retries"));
        }
        if (!List.of("interval", "timeout", "start-period", "start-interval").contains(option)) {
            throw new InvalidSpecException(
                    "there is no option --" + Shown.text(option),
                    "write --interval, --timeout, --start-period, --start-interval or --retries");
        }
        var time = duration(value);
        if (time.isZero()) {
            return check;
        }
        return switch (option) {
            case "interval" -> check.interval(time);
            case "timeout" -> check.timeout(time);
            case "start-period" -> check.startPeriod(time);
            default -> check.startInterval(time);
        };
    }

    /** As {@code 1m30s} or {@code 1.5h}. */
    private static Duration duration(String text) {
        var parts = DURATION.matcher(text);
        var nanos = BigDecimal.ZERO;
        var at = 0;
        while (at < text.length() && parts.find(at) && parts.start() == at) {
            nanos = nanos.add(new BigDecimal(parts.group(1)).multiply(NANOS.get(parts.group(2))));
            at = parts.end();
        }
        var isTime = !text.isEmpty() && at == text.length() && nanos.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) <= 0;
        if (!isTime && !text.equals("0")) {
            throw new InvalidSpecException(Shown.text(text) + " is no time as 30s or 1m30s");
        }
        return Duration.ofNanos(nanos.setScale(0, RoundingMode.DOWN).longValue());
    }
}
