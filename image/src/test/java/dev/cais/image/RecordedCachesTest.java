package dev.cais.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildCache;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Hash;
import dev.cais.storage.Store;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What BuildKit leaves for others is read in each of its forms: see {@code caches/origin.txt}. Its keys are the same in all of them. */
class RecordedCachesTest {
    private static final Digest RUN =
            Digest.parse("sha256:a6a8a33bb5bee9efc4a0f94e46939543f17680e1ca178c3881392a68aacd0b87");
    private static final Digest COPY =
            Digest.parse("sha256:75fe791043850dd857f5847cf0370c2e74b859e94fb9fcfceb25e7e5cda684f2");
    private static final Digest BOTH =
            Digest.parse("sha256:5dbfbafede47210a7bd7363461bc885ec7310febe761daffdf666bfdae5970ff");

    @TempDir
    private Path directory;

    private Path recorded(String form) throws URISyntaxException {
        return Path.of(
                Objects.requireNonNull(getClass().getResource("caches/" + form)).toURI());
    }

    private KnownSteps read(Path recorded) {
        try (var store = Store.open(directory.resolve("store"), "test")) {
            return new ImageCatalog(store, ImageLimits.DEFAULT)
                    .cache(BuildCache.directory(recorded), event -> {})
                    .read();
        }
    }

    private static Map<Digest, Optional<Layer>> layers(KnownSteps known) {
        return known.steps().entrySet().stream()
                .collect(Collectors.toMap(
                        Map.Entry::getKey, step -> step.getValue().layer()));
    }

    @ParameterizedTest
    @CsvSource({
        "manifest, 97, 142, application/vnd.oci.image.layer.v1.tar+gzip",
        "index, 97, 143, application/vnd.oci.image.layer.v1.tar+gzip",
        "docker-index, 97, 143, application/vnd.docker.image.rootfs.diff.tar.gzip",
        "zstd, 89, 139, application/vnd.oci.image.layer.v1.tar+zstd"
    })
    void stepsHaveTheirLayersInEachForm(String form, long run, long copy, String mediaType) throws URISyntaxException {
        var known = read(recorded(form));

        assertThat(layers(known)).containsOnlyKeys(RUN, COPY, BOTH).allSatisfy((key, found) -> {
            var layer = found.orElseThrow();
            assertThat(layer.size().bytes()).isEqualTo(key.equals(RUN) ? run : copy);
            assertThat(layer.mediaType()).isEqualTo(mediaType);
            assertThat(layer.diffId()).isNotEqualTo(layer.blob());
        });
        assertThat(known.steps().values())
                .allSatisfy(
                        step -> assertThat(step.created()).isBetween("2026-11-22T21:17:50Z", "2026-11-22T21:18:05Z"));
        assertThat(known.notes()).isEmpty();
    }

    /** What a linked copy alone has come to is told of as a chain of layers, which Cais does not read. */
    @Test
    void anImageHasTheRecordsOfItsLayers() throws URISyntaxException {
        assertThat(read(recorded("inline")).steps().entrySet().stream()
                        .collect(Collectors.toMap(
                                Map.Entry::getKey,
                                step -> step.getValue().diffId().toString())))
                .isEqualTo(Map.of(
                        RUN,
                        "sha256:21000b75e302c680687afa643edf548b28b3915f13d652992c724c48ef710733",
                        BOTH,
                        "sha256:4191bd2f627c375df9e9cb4490fb8694ad7120501fd57ef9908a69fcfcac6eae"));
    }

    /** Who copies an image for several platforms may leave out some of them. */
    @Test
    void anIndexHasTheRecordsOfThoseOfItsImagesThatAreThere() throws IOException, URISyntaxException {
        var layout = directory.resolve("layout");
        var blobs = Files.createDirectories(layout.resolve("blobs/sha256"));
        try (var files = Files.list(recorded("inline").resolve("blobs/sha256"))) {
            for (var file : files.toList()) {
                Files.copy(file, blobs.resolve(file.getFileName()));
            }
        }
        var image = Files.readString(recorded("inline").resolve("index.json"));
        var entry = image.substring(image.indexOf('[') + 1, image.lastIndexOf(']'));
        var missing = entry.replaceFirst("sha256:[0-9a-f]{64}", "sha256:" + "0".repeat(64))
                .replace("amd64", "loong64");

        writeIndex(layout, missing + "," + entry);
        assertThat(read(layout).steps()).containsOnlyKeys(RUN, BOTH);

        writeIndex(layout, missing);
        assertThatThrownBy(() -> read(layout))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot use the build cache in directory " + layout + ": it has none of its images");
    }

    /** One that is a blob, as images for several platforms have it. */
    private static void writeIndex(Path layout, String entries) throws IOException {
        var index = ("{\"schemaVersion\":2,\"manifests\":[" + entries + "]}").getBytes(StandardCharsets.UTF_8);
        var digest = Hash.sha256(index);
        Files.write(layout.resolve("blobs/sha256").resolve(digest.hex()), index);
        Files.writeString(layout.resolve("index.json"), """
                {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json",\
                "digest":"%s","size":%d}]}""".formatted(digest, index.length));
    }
}
