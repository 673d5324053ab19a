package dev.cais.image.oci;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.HealthCheck;
import dev.cais.HistoryEntry;
import dev.cais.ImageConfig;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An image's configuration: the platform, the layers' diff IDs, the history, and what its containers are made with. Its
 * digest is the image's id.
 *
 * @param diffIds digests of the uncompressed layers, oldest first
 * @param history oldest first
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md">OCI image spec 1.1.1, Image
 *     Configuration</a>
 */
public record ConfigDocument(Platform platform, List<Digest> diffIds, List<HistoryEntry> history, ImageConfig config) {
    /** What Go writes for a time that nobody set. */
    private static final Instant NEVER = Instant.parse("0001-01-01T00:00:00Z");

    public ConfigDocument {
        diffIds = List.copyOf(diffIds);
        history = List.copyOf(history);
    }

    /**
     * Reads a configuration of OCI or Docker.
     *
     * @param document as messages call it: {@code configuration sha256:4f5a1c…}
     * @throws CorruptContentException if it is broken or has more layers than the limit
     */
    public static ConfigDocument parse(byte[] content, String document, ImageLimits limits) {
        var json = JsonObject.parse(content, document);
        var platform = new Platform(
                json.text("os"),
                json.text("architecture"),
                json.findText("variant").orElse(""));
        return new ConfigDocument(
                platform,
                readDiffIds(json.object("rootfs"), limits),
                json.objects("history").stream()
                        .map(ConfigDocument::readHistoryEntry)
                        .toList(),
                readConfig(json));
    }

    private static List<Digest> readDiffIds(JsonObject rootfs, ImageLimits limits) {
        var type = rootfs.text("type");
        if (!type.equals("layers")) {
            throw rootfs.wrong("type", "is " + Shown.text(type) + ", not layers");
        }
        var diffIds = rootfs.digests("diff_ids");
        if (diffIds.size() > limits.layers()) {
            throw rootfs.wrong(
                    "diff_ids", "has " + diffIds.size() + " elements, beyond the limit of " + limits.layers());
        }
        return diffIds;
    }

    private static HistoryEntry readHistoryEntry(JsonObject json) {
        return new HistoryEntry(
                readTime(json, "created"),
                json.findText("created_by").orElse(""),
                json.findText("comment").orElse(""),
                json.findText("author").orElse(""),
                json.flag("empty_layer"));
    }

    private static ImageConfig readConfig(JsonObject json) {
        var config = json.objectOrEmpty("config");
        return new ImageConfig(
                readTime(json, "created"),
                json.findText("author").orElse(""),
                config.textOrTexts("Entrypoint"),
                config.textOrTexts("Cmd"),
                config.texts("Env"),
                config.findText("User").orElse(""),
                config.findText("WorkingDir").orElse(""),
                config.findText("StopSignal").orElse(""),
                config.names("ExposedPorts"),
                config.names("Volumes"),
                config.textMap("Labels"),
                config.textOrTexts("Shell"),
                readHealth(config),
                config.texts("OnBuild"));
    }

    /**
     * How the object {@code config} of a configuration wants health to be checked. Zeros stand for Docker's times; a test without
     * words leaves it to a base image's, which has been put in by the build already.
     */
    private static Optional<HealthCheck> readHealth(JsonObject config) {
        return config.findObject("Healthcheck").flatMap(json -> {
            var test = json.texts("Test");
            if (test.isEmpty()) {
                return Optional.empty();
            }
            var rest = test.subList(1, test.size());
            var check = switch (test.get(0)) {
                case "NONE" -> HealthCheck.NONE;
                case "CMD" -> HealthCheck.exec(commandOf(json, rest).toArray(String[]::new));
                case "CMD-SHELL" -> HealthCheck.shell(String.join(" ", commandOf(json, rest)));
                default ->
                    throw json.wrong("Test[0]", "is " + Shown.text(test.get(0)) + ", not NONE, CMD or CMD-SHELL");
            };
            check = orDefault(json, "Interval", check, HealthCheck::interval);
            check = orDefault(json, "Timeout", check, HealthCheck::timeout);
            check = orDefault(json, "StartPeriod", check, HealthCheck::startPeriod);
            check = orDefault(json, "StartInterval", check, HealthCheck::startInterval);
            var retries = json.numberOrZero("Retries");
            return Optional.of(retries > 0 ? check.retries((int) Math.min(retries, Integer.MAX_VALUE)) : check);
        });
    }

    private static List<String> commandOf(JsonObject json, List<String> words) {
        if (words.isEmpty()) {
            throw json.wrong("Test", "has no command");
        }
        return words;
    }

    private interface Time {
        HealthCheck set(HealthCheck check, Duration time);
    }

    private static HealthCheck orDefault(JsonObject json, String field, HealthCheck check, Time time) {
        var nanos = json.numberOrZero(field);
        try {
            return nanos == 0 ? check : time.set(check, Duration.ofNanos(nanos));
        } catch (InvalidSpecException e) {
            throw json.wrong(field, "is " + nanos + " ns, which no health check can have");
        }
    }

    private static Optional<Instant> readTime(JsonObject json, String field) {
        return json.findText(field)
                .filter(text -> !text.isEmpty())
                .map(text -> {
                    try {
                        return OffsetDateTime.parse(text).toInstant();
                    } catch (DateTimeException e) {
                        throw json.wrong(field, "is no time as RFC 3339 writes it: " + Shown.text(text));
                    }
                })
                .filter(time -> !time.equals(NEVER));
    }

    /**
     * The {@code config} object of a document.
     *
     * @param base what an older one says: fields that nothing is known of stay
     */
    public static Map<String, Object> object(JsonObject base, ImageConfig config) {
        var object = base.copy();
        putTexts(object, "Env", config.env());
        putTexts(object, "Entrypoint", config.entrypoint());
        putTexts(object, "Cmd", config.command());
        putText(object, "User", config.user());
        putText(object, "WorkingDir", config.workdir());
        putText(object, "StopSignal", config.stopSignal());
        putNames(object, "ExposedPorts", config.exposedPorts());
        putNames(object, "Volumes", config.volumes());
        if (!config.labels().isEmpty()) {
            object.put("Labels", config.labels());
        }
        if (!config.health().equals(readHealth(base))) {
            config.health().ifPresent(check -> object.put("Healthcheck", healthObject(check)));
        }
        putTexts(object, "OnBuild", config.onBuild());
        putTexts(object, "Shell", config.shell());
        return object;
    }

    /** What is usual is left out, as Docker does. */
    private static Map<String, Object> healthObject(HealthCheck check) {
        var test = new ArrayList<>(check.command());
        test.add(
                0,
                switch (check.form()) {
                    case NONE -> "NONE";
                    case EXEC -> "CMD";
                    case SHELL -> "CMD-SHELL";
                });
        var object = new LinkedHashMap<String, Object>();
        object.put("Test", test);
        var usual = HealthCheck.shell("true");
        putTime(object, "Interval", check.interval(), usual.interval());
        putTime(object, "Timeout", check.timeout(), usual.timeout());
        putTime(object, "StartPeriod", check.startPeriod(), usual.startPeriod());
        putTime(object, "StartInterval", check.startInterval(), usual.startInterval());
        if (check.form() != HealthCheck.Form.NONE && check.retries() != usual.retries()) {
            object.put("Retries", check.retries());
        }
        return object;
    }

    private static void putTime(Map<String, Object> object, String key, Duration time, Duration usual) {
        if (!time.isZero() && !time.equals(usual)) {
            object.put(key, time.toNanos());
        }
    }

    private static void putText(Map<String, Object> object, String key, String text) {
        if (text.isEmpty()) {
            object.remove(key);
        } else {
            object.put(key, text);
        }
    }

    private static void putTexts(Map<String, Object> object, String key, List<String> texts) {
        if (texts.isEmpty()) {
            object.remove(key);
        } else {
            object.put(key, texts);
        }
    }

    private static void putNames(Map<String, Object> object, String key, List<String> names) {
        if (!names.isEmpty()) {
            var set = new LinkedHashMap<String, Object>();
            names.forEach(name -> set.put(name, Map.of()));
            object.put(key, set);
        }
    }
}
