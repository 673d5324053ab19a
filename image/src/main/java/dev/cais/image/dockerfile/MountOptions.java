package dev.cais.image.dockerfile;

import dev.cais.ByteSize;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.RunMount.Ownership;
import dev.cais.image.dockerfile.RunMount.Sharing;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * One {@code --mount} as it is written.
 *
 * @param options by their full names; one without a value is {@code true}
 */
public record MountOptions(Map<String, Word> options) {
    private static final Map<String, String> SHORT =
            Map.of("src", "source", "dst", "target", "destination", "target", "ro", "readonly", "rw", "readwrite");
    private static final Set<String> FLAGS = Set.of("readonly", "readwrite", "required");
    private static final Map<String, Set<String>> BY_TYPE = Map.of(
            "bind", Set.of("from", "source", "target", "readonly", "readwrite"),
            "cache", Set.of("id", "from", "source", "target", "readonly", "readwrite", "sharing", "mode", "uid", "gid"),
            "tmpfs", Set.of("target", "size", "readonly", "readwrite"),
            "secret", Set.of("id", "source", "target", "env", "required", "mode", "uid", "gid", "readonly"),
            "ssh", Set.of("id", "source", "target", "required", "mode", "uid", "gid", "readonly"));
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,9})(?:\\.([0-9]{1,9}))? ?([kmgtp]?)i?b?");

    public MountOptions {
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }

    /** Options between commas; one with a comma in it stands in double quotes, as in a CSV file. */
    static MountOptions parse(String text, char escape) {
        var options = new LinkedHashMap<String, Word>();
        for (var field : Flags.fields("--mount", text)) {
            var equals = field.indexOf('=');
            var written = (equals < 0 ? field : field.substring(0, equals)).toLowerCase(Locale.ROOT);
            var key = SHORT.getOrDefault(written, written);
            if (equals < 0 && !FLAGS.contains(key)) {
                throw new InvalidSpecException(
                        field.isEmpty()
                                ? "--mount has an empty option"
                                : "--mount has " + Shown.text(field) + ", which is not written as name=value",
                        Spelling.didYouMean(key, FLAGS));
            }
            options.put(key, new Word(equals < 0 ? "true" : field.substring(equals + 1), escape));
        }
        var mount = new MountOptions(options);
        mount.check();
        return mount;
    }

    /** What can be said before the variables are known. */
    private void check() {
        if (options.getOrDefault("from", new Word("", '\\')).isOpen()) {
            throw new InvalidSpecException(
                    "--mount has a variable in from, which must be known before any is",
                    "name a stage FROM that variable, and mount from the stage");
        }
        if (!type().isOpen()) {
            checkOptions(type().text().toLowerCase(Locale.ROOT));
        }
        if (options.values().stream().noneMatch(Word::isOpen)) {
            resolve(name -> Optional.empty());
        }
    }

    private void checkOptions(String type) {
        var known = BY_TYPE.get(type);
        if (known == null) {
            throw new InvalidSpecException(
                    "there is no --mount of type " + Shown.text(type), Spelling.didYouMean(type, BY_TYPE.keySet()));
        }
        for (var option : options.keySet()) {
            if (!option.equals("type") && !known.contains(option)) {
                throw new InvalidSpecException(
                        "--mount of type " + type + " has no option " + Shown.text(option),
                        Spelling.didYouMean(option, known));
            }
        }
    }

    private Word type() {
        return options.getOrDefault("type", Word.literal("bind"));
    }

    /** The stage, image or context that is mounted; empty for the build's own context, or none at all. */
    public String from() {
        return Optional.ofNullable(options.get("from")).map(Word::text).orElse("");
    }

    /**
     * What is to be mounted.
     *
     * @throws InvalidSpecException with the reason alone
     */
    public RunMount resolve(Function<String, Optional<String>> variables) {
        var values = new LinkedHashMap<String, String>();
        options.forEach((key, word) -> values.put(key, key.equals("from") ? word.text() : word.expand(variables)));
        var type = type().expand(variables).toLowerCase(Locale.ROOT);
        checkOptions(type);
        return new Resolved(type, values).mount();
    }

    /** The options, their variables replaced. */
    private record Resolved(String type, Map<String, String> values) {
        RunMount mount() {
            var source = text("source");
            var target = text("target");
            return switch (type) {
                case "bind" -> new RunMount.Bind(text("from"), source, required("target"), readOnly(true));
                case "cache" ->
                    new RunMount.Cache(
                            PathPatterns.clean(text("id").isEmpty() ? required("target") : text("id")),
                            text("from"),
                            source,
                            required("target"),
                            readOnly(false),
                            sharing(),
                            owner());
                case "tmpfs" -> new RunMount.Tmpfs(required("target"), size(), readOnly(false));
                case "secret" -> secret(source, target);
                default -> new RunMount.Ssh(ssh(source), target, flag("required"), owner());
            };
        }

        private String text(String key) {
            return values.getOrDefault(key, "");
        }

        private String required(String key) {
            if (text(key).isEmpty()) {
                throw new InvalidSpecException("--mount of type " + type + " has no " + key);
            }
            return text(key);
        }

        private RunMount secret(String source, String target) {
            if (!source.isEmpty() && !text("id").isEmpty()) {
                throw new InvalidSpecException("--mount of type secret has a source and an id, which mean the same");
            }
            var id = source.isEmpty() ? text("id") : source;
            if (id.isEmpty()) {
                id = target.substring(target.lastIndexOf('/') + 1);
            }
            if (id.isEmpty()) {
                throw new InvalidSpecException("--mount of type secret has no id and no target");
            }
            var variable = text("env");
            var file = target.isEmpty() && variable.isEmpty() ? "/run/secrets/" + id : target;
            return new RunMount.Secret(id, file, variable, flag("required"), owner());
        }

        private String ssh(String source) {
            if (!text("id").isEmpty()) {
                return text("id");
            }
            return source.isEmpty() ? "default" : source;
        }

        private boolean readOnly(boolean usual) {
            var last = usual;
            for (var key : values.keySet()) {
                if (key.equals("readonly")) {
                    last = flag(key);
                } else if (key.equals("readwrite")) {
                    last = !flag(key);
                }
            }
            return last;
        }

        private boolean flag(String key) {
            return values.containsKey(key) && Flags.parseBoolean("--mount's " + key, text(key));
        }

        private Sharing sharing() {
            var written = values.getOrDefault("sharing", "shared").toLowerCase(Locale.ROOT);
            return switch (written) {
                case "shared" -> Sharing.SHARED;
                case "private" -> Sharing.PRIVATE;
                case "locked" -> Sharing.LOCKED;
                default ->
                    throw new InvalidSpecException(
                            "there is no sharing " + Shown.text(written) + " of a cache",
                            Spelling.nearest(written, Set.of("shared", "private", "locked"))
                                    .map(near -> "did you mean " + near + "?")
                                    .orElse("write shared, private or locked"));
            };
        }

        private Optional<ByteSize> size() {
            if (!values.containsKey("size")) {
                return Optional.empty();
            }
            var size = SIZE.matcher(text("size").toLowerCase(Locale.ROOT));
            if (!size.matches()) {
                throw new InvalidSpecException(
                        "--mount has a size that is none: " + Shown.text(text("size")), "write as 64m or 1g");
            }
            var unit =
                    1L << 10 * ("kmgtp".indexOf(size.group(3)) + (size.group(3).isEmpty() ? 0 : 1));
            var number = new BigDecimal(size.group(1) + "." + (size.group(2) == null ? "0" : size.group(2)));
            return Optional.of(ByteSize.bytes(number.multiply(BigDecimal.valueOf(unit))
                    .min(BigDecimal.valueOf(Long.MAX_VALUE))
                    .longValue()));
        }

        private Ownership owner() {
            return new Ownership(number("mode", 8), number("uid", 10), number("gid", 10));
        }

        private OptionalInt number(String key, int radix) {
            if (!values.containsKey(key)) {
                return OptionalInt.empty();
            }
            try {
                var number = Integer.parseUnsignedInt(text(key), radix);
                if (number >= 0 && (radix == 10 || number <= 07777)) {
                    return OptionalInt.of(number);
                }
            } catch (NumberFormatException e) {
                // said below
            }
            throw new InvalidSpecException(
                    "--mount has a " + key + " that is none: " + Shown.text(text(key)),
                    radix == 8 ? "write octal digits, at most 7777" : "write its number");
        }
    }
}
