package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import dev.cais.Platform;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class IndexTest {
    private static final String MANIFEST = "application/vnd.oci.image.manifest.v1+json";

    @ParameterizedTest
    @CsvSource({
        "linux/amd64,  linux/arm64 linux/amd64,                           1",
        "linux/amd64,  linux/amd64 linux/amd64,                           0",
        "linux/amd64,  linux/386 linux/amd64/v3 linux/x86_64/v1,          2",
        "linux/amd64,  linux/amd64/v2 linux/386,                          1",
        "linux/amd64,  windows/amd64 unknown/unknown linux/amd64,         2",
        "linux/arm64,  linux/arm/v7 linux/arm64/v8,                       1",
        "linux/arm64,  linux/arm/v6 linux/arm/v7,                         1",
        "linux/arm64,  linux/aarch64,                                     0",
        "linux/arm,    linux/arm/v8 linux/arm/v6 linux/arm/v7,            2",
        "linux/arm/v6, linux/arm/v7 linux/arm/v5,                         1",
        "linux/riscv64, linux/amd64 linux/riscv64,                        1",
    })
    void closestPlatformIsChosen(String host, String offered, int chosen) {
        var index = index(offered.split(" "));

        assertThat(index.choose(Platform.parse(host), "index.json"))
                .isEqualTo(index.manifests().get(chosen));
    }

    @Test
    void platformsAreListedWhereNoneFits() {
        assertThatThrownBy(() -> index("linux/arm64/v8", "windows/amd64", "unknown/unknown", "linux/amd64/v2")
                        .choose(Platform.parse("linux/amd64"), "index.json of app.tar"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot use index.json of app.tar: it has no image for linux/amd64,"
                        + " only linux/arm64/v8, windows/amd64, linux/amd64/v2");
    }

    @Test
    void mediaTypesAreListedWhereNothingIsAnImage() {
        assertThatThrownBy(() -> Index.parse(bytes("""
                        {"schemaVersion": 2, "manifests": [{"mediaType": "text/x", "digest": "sha256:%s", "size": 1}]}
                        """.formatted("0".repeat(64))), "index.json")
                        .choose(Platform.parse("linux/amd64"), "index.json"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot use index.json: it has no image for linux/amd64, only entries of type text/x");
        assertThatThrownBy(() -> index().choose(Platform.parse("linux/amd64"), "index.json"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot use index.json: it has no image for linux/amd64, only nothing at all");
    }

    @Test
    void documentThatIsAlsoAManifestIsRefused() {
        assertThatThrownBy(() -> Index.parse(bytes("{\"schemaVersion\": 2, \"manifests\": [], \"layers\": []}"), "it"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it: field layers belongs to a manifest, not to an index");
        assertThatThrownBy(() -> Index.parse(bytes("""
                        {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}"""), "it"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it: field mediaType is the media type " + MANIFEST + ", not that of an index");
    }

    private static Index index(String... platforms) {
        return Index.parse(
                bytes(Arrays.stream(platforms)
                        .map(Platform::parse)
                        .map(platform -> """
                        {"mediaType": "%s", "digest": "sha256:%064x", "size": 1,
                         "platform": {"os": "%s", "architecture": "%s", "variant": "%s"}}""".formatted(
                                        MANIFEST,
                                        platform.hashCode(),
                                        platform.os(),
                                        platform.architecture(),
                                        platform.variant()))
                        .collect(Collectors.joining(",", "{\"schemaVersion\": 2, \"manifests\": [", "]}"))),
                "index.json");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
