package dev.cais.runtime.build;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;

/**
 * All that can be told of an image, a line each, to be compared with another builder's: the configuration, the history, and files as
 * far as they are not the base's. Read from a docker-archive with nothing of Cais's own, and without ids and the builder's times.
 */
final class ImageContents {
    private static final List<String> FIELDS = List.of(
            "User",
            "ExposedPorts",
            "Env",
            "Entrypoint",
            "Cmd",
            "Volumes",
            "WorkingDir",
            "Labels",
            "StopSignal",
            "Shell",
            "Healthcheck",
            "OnBuild");

    /** Whatever is older was not made by the build. */
    private static final long SINCE = 1_262_304_000;

    private final Map<String, byte[]> parts = new HashMap<>();

    private ImageContents() {}

    /** @param base a docker-archive of the image whose files are left out */
    static List<String> of(Path archive, Path base) {
        var image = new ImageContents();
        image.read(archive);
        var other = new ImageContents();
        other.read(base);
        return image.lines(other);
    }

    private void read(Path archive) {
        try (var in = new TarArchiveInputStream(new BufferedInputStream(Files.newInputStream(archive)))) {
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                if (entry.isFile()) {
                    parts.put(entry.getName(), in.readAllBytes());
                } else if (entry.isSymbolicLink()) {
                    var target = Path.of("/" + entry.getName()).resolveSibling(entry.getLinkName());
                    parts.put(
                            entry.getName(),
                            Objects.requireNonNull(
                                    parts.get(target.normalize().toString().substring(1))));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode json(String name) {
        try {
            return new ObjectMapper().readTree(Objects.requireNonNull(parts.get(name), name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private JsonNode manifest() {
        return json("manifest.json").get(0);
    }

    private JsonNode config() {
        return json(manifest().get("Config").asText());
    }

    private List<String> diffIds() {
        var ids = new ArrayList<String>();
        config().path("rootfs").path("diff_ids").forEach(id -> ids.add(id.asText()));
        return ids;
    }

    private List<String> lines(ImageContents base) {
        var lines = new ArrayList<String>();
        var config = config().path("config");
        for (var field : FIELDS) {
            line(lines, field, config.path(field));
        }
        line(lines, "author", config().path("author"));
        var isBased = diffIds().subList(0, Math.min(1, diffIds().size())).equals(base.diffIds());
        for (var entry : config().path("history")) {
            var text = entry.path("created_by").asText().replace("\n", "\\n");
            if (!text.equals("busybox-static") && !text.startsWith("HEALTHCHECK ")) { // BuildKit prints an object there
                lines.add("history " + (entry.path("empty_layer").asBoolean() ? "" : "+ ") + text);
            }
        }
        var files = files();
        var before = isBased ? base.files() : new TreeMap<String, String>();
        var paths = new TreeSet<>(files.keySet());
        paths.addAll(before.keySet());
        for (var path : paths) {
            var now = files.get(path);
            if (!Objects.equals(now, before.get(path))) {
                lines.add("/" + path + (now == null ? " is gone" : " " + now));
            }
        }
        return lines;
    }

    private static void line(List<String> lines, String field, JsonNode value) {
        if (value.isObject() && !field.equals("Healthcheck") && !field.equals("Labels")) {
            var names = new TreeSet<String>();
            value.fieldNames().forEachRemaining(names::add);
            if (!names.isEmpty()) {
                lines.add(field + " " + names);
            }
        } else if (!value.isMissingNode() && !value.isNull()) {
            var text = sorted(value).toString();
            if (!List.of("[]", "{}", "\"\"").contains(text)) {
                lines.add(field + " " + text);
            }
        }
    }

    private static JsonNode sorted(JsonNode value) {
        if (!value.isObject()) {
            return value;
        }
        var byName = new TreeMap<String, JsonNode>();
        value.properties().forEach(each -> byName.put(each.getKey(), each.getValue()));
        return new ObjectMapper().valueToTree(byName);
    }

    private SortedMap<String, String> files() {
        var files = new TreeMap<String, String>();
        for (var layer : manifest().get("Layers")) {
            apply(files, plain(Objects.requireNonNull(parts.get(layer.asText()))));
        }
        return files;
    }

    private static byte[] plain(byte[] layer) {
        if (layer[0] != 0x1f) {
            return layer;
        }
        try (var in = new GZIPInputStream(new ByteArrayInputStream(layer))) {
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void apply(SortedMap<String, String> files, byte[] layer) {
        var below = new TreeMap<>(files);
        var mine = new TreeMap<String, String>();
        try (var in = new TarArchiveInputStream(new ByteArrayInputStream(layer))) {
            for (var entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
                var path = entry.getName().replaceAll("^\\.?/+|/+$", "");
                var name = path.substring(path.lastIndexOf('/') + 1);
                var parent = path.substring(0, path.length() - name.length());
                if (name.equals(".wh..wh..opq")) {
                    below.keySet().removeIf(each -> each.startsWith(parent));
                } else if (name.startsWith(".wh.")) {
                    remove(below, parent + name.substring(4));
                } else if (!path.isEmpty() && !path.equals(".")) {
                    if (!entry.isDirectory()) {
                        remove(below, path);
                    }
                    mine.put(path, line(entry, in, mine, below));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        files.clear();
        files.putAll(below);
        files.putAll(mine);
    }

    private static void remove(SortedMap<String, String> files, String path) {
        files.keySet().removeIf(each -> each.equals(path) || each.startsWith(path + "/"));
    }

    private static String line(
            TarArchiveEntry entry, TarArchiveInputStream in, Map<String, String> mine, Map<String, String> below)
            throws IOException {
        if (entry.isLink()) {
            var target = entry.getLinkName().replaceAll("^\\.?/+", "");
            return same(mine.get(target), below.get(target)) + " = " + target;
        }
        var kind = entry.isDirectory()
                ? "directory"
                : entry.isSymbolicLink()
                        ? "link"
                        : entry.isFIFO()
                                ? "pipe"
                                : entry.isCharacterDevice() || entry.isBlockDevice() ? "device" : "file";
        var line = new StringBuilder(kind);
        if (!entry.isSymbolicLink()) {
            line.append(String.format(" %04o", entry.getMode() & 07777));
        }
        line.append(' ').append(entry.getLongUserId()).append(':').append(entry.getLongGroupId());
        switch (kind) {
            case "link" -> line.append(" -> ").append(entry.getLinkName());
            case "device" ->
                line.append(' ').append(entry.getDevMajor()).append(':').append(entry.getDevMinor());
            case "file" -> line.append(' ').append(entry.getSize()).append(' ').append(hash(in.readAllBytes()));
            default -> {}
        }
        entry.getExtraPaxHeaders().forEach((key, value) -> {
            if (key.startsWith("SCHILY.xattr.")) {
                line.append(' ').append(key.substring("SCHILY.xattr.".length()));
            }
        });
        var seconds = entry.getLastModifiedTime().toMillis() / 1000;
        return line.append(seconds < SINCE ? " @" + seconds : "").toString();
    }

    private static String same(@Nullable String mine, @Nullable String below) {
        return mine != null ? mine : Objects.requireNonNull(below, "a link to nothing");
    }

    private static String hash(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
