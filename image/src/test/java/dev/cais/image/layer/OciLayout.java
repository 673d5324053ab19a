package dev.cais.image.layer;

import dev.cais.Digest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/** The least OCI layout that umoci unpacks: one image, tagged {@code it}, of the given tars. */
final class OciLayout {
    private OciLayout() {}

    static void write(Path directory, List<byte[]> tars) throws IOException {
        Files.createDirectories(directory.resolve("blobs/sha256"));
        Files.writeString(directory.resolve("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}");
        var layers = new StringBuilder();
        for (var tar : tars) {
            var packed = new java.io.ByteArrayOutputStream();
            try (var gzip = new GZIPOutputStream(packed)) {
                gzip.write(tar);
            }
            layers.append(layers.isEmpty() ? "" : ",")
                    .append(blob(directory, "application/vnd.oci.image.layer.v1.tar+gzip", packed.toByteArray()));
        }
        var diffIds = tars.stream().map(tar -> "\"" + digest(tar) + "\"").collect(Collectors.joining(","));
        var config = blob(
                directory,
                "application/vnd.oci.image.config.v1+json",
                json(
                        "{'architecture':'amd64','os':'linux','config':{},'rootfs':{'type':'layers','diff_ids':[",
                        diffIds,
                        "]}}"));
        var manifest = blob(
                directory,
                "application/vnd.oci.image.manifest.v1+json",
                json("{'schemaVersion':2,'config':", config, ",'layers':[", layers.toString(), "]}"));
        var tagged = manifest.substring(0, manifest.length() - 1)
                + ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"it\"}}";
        Files.write(directory.resolve("index.json"), json("{'schemaVersion':2,'manifests':[", tagged, "]}"));
    }

    private static byte[] json(String... parts) {
        return String.join("", parts).replace('\'', '"').getBytes(StandardCharsets.UTF_8);
    }

    private static String blob(Path directory, String type, byte[] content) throws IOException {
        var digest = digest(content);
        Files.write(directory.resolve("blobs/sha256").resolve(digest.hex()), content);
        return "{\"mediaType\":\"" + type + "\",\"digest\":\"" + digest + "\",\"size\":" + content.length + "}";
    }

    static Digest digest(byte[] content) {
        try {
            return Digest.sha256(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
