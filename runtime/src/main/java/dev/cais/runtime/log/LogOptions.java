package dev.cais.runtime.log;

import dev.cais.InvalidSpecException;
import dev.cais.LogOrigin;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** The options of a driver, checked as they are asked for. */
final class LogOptions {
    private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})([kmg]?)b?", Pattern.CASE_INSENSITIVE);
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{\\{\\s*\\.(\\w*)\\s*}}");

    private final String driver;
    private final LogOrigin origin;
    private final Map<String, String> options;

    /** @throws InvalidSpecException if one is not known */
    LogOptions(String driver, LogOrigin origin, Map<String, String> options, Set<String> known) {
        this.driver = driver;
        this.origin = origin;
        this.options = options;
        for (var key : options.keySet()) {
            if (!known.contains(key)) {
                throw new InvalidSpecException(
                        "cannot keep logs of " + origin.name() + ": log driver " + driver + " has no option " + key,
                        "it has " + String.join(", ", new TreeSet<>(known)));
            }
        }
    }

    InvalidSpecException wrong(String key, String why) {
        return new InvalidSpecException("cannot keep logs of " + origin.name() + ": option " + key + "="
                + options.getOrDefault(key, "") + " of log driver " + driver + " " + why);
    }

    String text(String key, String standard) {
        return options.getOrDefault(key, standard);
    }

    boolean flag(String key) {
        return switch (options.getOrDefault(key, "false")) {
            case "true" -> true;
            case "false" -> false;
            default -> throw wrong(key, "is neither true nor false");
        };
    }

    /**
     * The rotation by {@code max-size} (bytes, or with k, m or g for powers of 1000; -1 for no limit) and {@code max-file}.
     *
     * @param prefix of the two keys
     */
    Rotation rotation(String prefix, Rotation standard) {
        var sizeKey = prefix + "max-size";
        var filesKey = prefix + "max-file";
        var size = standard.maxSize();
        var written = options.get(sizeKey);
        if (written != null && written.equals("-1")) {
            size = Long.MAX_VALUE;
        } else if (written != null) {
            var matcher = SIZE.matcher(written);
            if (!matcher.matches()) {
                throw wrong(sizeKey, "is no size as 10m");
            }
            var unit = matcher.group(2).toLowerCase(java.util.Locale.ROOT);
            var factor = unit.isEmpty() ? 1 : unit.equals("k") ? 1_000 : unit.equals("m") ? 1_000_000 : 1_000_000_000;
            size = Long.parseLong(matcher.group(1)) * factor;
            if (size == 0) {
                throw wrong(sizeKey, "is not positive");
            }
        }
        var files = options.getOrDefault(filesKey, String.valueOf(standard.maxFiles()));
        if (!files.matches("[1-9][0-9]{0,3}")) {
            throw wrong(filesKey, "is no number from 1 to 9999");
        }
        return new Rotation(size, Integer.parseInt(files));
    }

    /** The labels and variables that the options {@code labels} and {@code env} name, separated by commas. */
    Map<String, String> attributes() {
        var attributes = new LinkedHashMap<String, String>();
        add(attributes, "labels", origin.labels());
        add(attributes, "env", origin.env());
        return attributes;
    }

    private void add(Map<String, String> attributes, String key, Map<String, String> values) {
        for (var name : options.getOrDefault(key, "").split(",", -1)) {
            var value = values.get(name.strip());
            if (value != null) {
                attributes.put(name.strip(), value);
            }
        }
    }

    /** The option {@code tag}, with what stands in double braces filled in as Docker does. */
    String tag(String standard) {
        return PLACEHOLDER.matcher(options.getOrDefault("tag", standard)).replaceAll(found -> {
            var value = switch (found.group(1)) {
                case "ID" -> origin.id().substring(0, Math.min(12, origin.id().length()));
                case "FullID" -> origin.id();
                case "Name" -> origin.name();
                case "ImageName" -> origin.image();
                case "ImageID" -> origin.imageId().hex().substring(0, 12);
                case "ImageFullID" -> origin.imageId().toString();
                case "DaemonName" -> "cais";
                default ->
                    throw wrong(
                            "tag",
                            "names ." + found.group(1)
                                    + "; there are .ID, .FullID, .Name, .ImageName, .ImageID, .ImageFullID and"
                                    + " .DaemonName");
            };
            return java.util.regex.Matcher.quoteReplacement(value);
        });
    }
}
