package dev.cais.image;

import dev.cais.fixtures.TarWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/** Images written byte by byte, as parts that a test may replace by others before they become an archive. */
public final class TestArchive {
    private final Map<String, byte[]> files = new LinkedHashMap<>();
    private final List<String> items = new ArrayList<>();
    private final List<String> entries = new ArrayList<>();

    /** A layer with one file. */
    public static byte[] layer(String name, String content) {
        return new TarWriter().file(name, 0644, content).bytes();
    }

    /** A configuration for amd64 with these uncompressed layers; {@code salt} makes it differ from others. */
    public static byte[] config(String salt, byte[]... layers) {
        return bytes("""
                {"architecture":"amd64","os":"linux","author":"%s","created":"2024-01-02T03:04:05Z","config":{"Cmd":["/bin/x"]},\
                "rootfs":{"type":"layers","diff_ids":[%s]},"history":[{"created_by":"x"}]}""".formatted(
                        salt,
                        List.of(layers).stream()
                                .map(layer -> "\"sha256:" + sha256(layer) + "\"")
                                .collect(Collectors.joining(","))));
    }

    /** Adds an image to {@code manifest.json}, with plain layers. */
    public TestArchive docker(String tags, byte[] config, byte[]... layers) {
        var paths = new ArrayList<String>();
        for (var layer : layers) {
            paths.add('"' + sha256(layer) + "/layer.tar\"");
            files.put(sha256(layer) + "/layer.tar", layer);
        }
        files.put(sha256(config) + ".json", config);
        items.add("{\"Config\":\"%s.json\",\"RepoTags\":%s,\"Layers\":[%s]}"
                .formatted(sha256(config), tags, String.join(",", paths)));
        return file("manifest.json", "[" + String.join(",", items) + "]");
    }

    /** Adds an image to {@code index.json}; each layer with the media type's suffix that its first byte asks for. */
    public TestArchive oci(String annotations, byte[] config, byte[]... layers) {
        var manifest = manifest(config, layers);
        return ociManifest(annotations, manifest, config, layers);
    }

    public TestArchive ociManifest(String annotations, byte[] manifest, byte[] config, byte[]... layers) {
        blob(config);
        blob(manifest);
        for (var layer : layers) {
            blob(layer);
        }
        return entry(descriptor("application/vnd.oci.image.manifest.v1+json", manifest, annotations));
    }

    /** Adds a descriptor to {@code index.json}. */
    public TestArchive entry(String descriptor) {
        entries.add(descriptor);
        file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
        return file("index.json", "{\"schemaVersion\":2,\"manifests\":[" + String.join(",", entries) + "]}");
    }

    public static byte[] manifest(byte[] config, byte[]... layers) {
        return bytes("{\"schemaVersion\":2,\"config\":%s,\"layers\":[%s]}"
                .formatted(
                        descriptor("application/vnd.oci.image.config.v1+json", config, ""),
                        List.of(layers).stream()
                                .map(layer ->
                                        descriptor("application/vnd.oci.image.layer.v1.tar" + suffix(layer), layer, ""))
                                .collect(Collectors.joining(","))));
    }

    private static String suffix(byte[] layer) {
        return switch (layer[0]) {
            case 0x1f -> "+gzip";
            case 0x28 -> "+zstd";
            default -> "";
        };
    }

    /** @param more further fields, beginning with a comma */
    public static String descriptor(String mediaType, byte[] content, String more) {
        return "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%d%s}"
                .formatted(mediaType, sha256(content), content.length, more);
    }

    public static String named(String name) {
        return ",\"annotations\":{\"io.containerd.image.name\":\"" + name + "\"}";
    }

    public TestArchive blob(byte[] content) {
        files.put("blobs/sha256/" + sha256(content), content);
        return this;
    }

    public TestArchive file(String name, String content) {
        return file(name, bytes(content));
    }

    public TestArchive file(String name, byte[] content) {
        files.put(name, content);
        return this;
    }

    public TestArchive without(String name) {
        files.remove(name);
        return this;
    }

    public Path tar(Path path) {
        var tar = new TarWriter();
        files.forEach((name, content) -> tar.file(name, 0644, content));
        return write(path, tar.bytes());
    }

    public Path directory(Path path) {
        files.forEach((name, content) -> write(path.resolve(name), content));
        return path;
    }

    public static Path write(Path path, byte[] content) {
        try {
            Files.createDirectories(path.toAbsolutePath().getParent());
            return Files.write(path, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static byte[] gzip(byte[] content) {
        var packed = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(packed)) {
            gzip.write(content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }

    public static String sha256(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    public static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A tar whose one file has a name that is not UTF-8. */
    public static byte[] tarOfANameThatIsNoText() {
        var tar = new TarWriter().file("ab", 0644, "content").bytes();
        tar[1] = (byte) 0xff;
        Arrays.fill(tar, 148, 156, (byte) ' '); // the sum counts itself as blanks
        var sum = 0;
        for (var i = 0; i < 512; i++) {
            sum += tar[i] & 0xff;
        }
        System.arraycopy(String.format("%06o\0 ", sum).getBytes(StandardCharsets.UTF_8), 0, tar, 148, 8);
        return tar;
    }
}
