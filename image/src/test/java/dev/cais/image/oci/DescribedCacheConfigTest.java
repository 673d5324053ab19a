package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class DescribedCacheConfigTest {
    private static DescribedCacheConfig parse(String json) {
        return DescribedCacheConfig.parse(json.getBytes(StandardCharsets.UTF_8), "it");
    }

    /** See {@code caches/origin.txt}. */
    @Test
    void whatBuildKitLeavesInGitHubActionsIsRead() throws IOException {
        byte[] recorded;
        try (var in = Objects.requireNonNull(getClass().getResourceAsStream("/dev/cais/image/caches/gha-index.json"))) {
            recorded = in.readAllBytes();
        }
        var read = DescribedCacheConfig.parse(recorded, "it");

        assertThat(read.layers())
                .extracting(Descriptor::mediaType)
                .containsExactly(
                        "application/vnd.oci.image.layer.v1.tar+gzip",
                        "application/vnd.docker.image.rootfs.diff.tar",
                        "application/vnd.oci.image.layer.v1.tar+gzip");
        assertThat(read.layers().get(0).size().bytes()).isEqualTo(301_613);
        assertThat(read.layers().get(0).annotations())
                .isEqualTo(Map.of(
                        "containerd.io/uncompressed",
                        "sha256:235c19d8a373dd06505682c59d10eec33509390842cf153da12704d1aa0147fd",
                        "buildkit/createdat",
                        "2026-11-22T21:33:10.580006058Z"));
        assertThat(read.config().layers()).extracting(CacheConfig.Layer::parent).containsExactly(2, -1, 1);
        var written = JsonObject.parse(read.toBytes(), "it");
        assertThat(written.toMap().get("layers"))
                .isEqualTo(JsonObject.parse(recorded, "it").toMap().get("layers"));
        assertThat(DescribedCacheConfig.parse(read.toBytes(), "it")).isEqualTo(read);
    }

    @Test
    void aLayerWithoutADescriptionIsDescribedByNothing() {
        var blob = "sha256:" + "a".repeat(64);

        assertThat(parse("{\"layers\":[{\"blob\":\"" + blob + "\"}]}").layers()).isEmpty();
        assertThatThrownBy(() -> parse("{\"layers\":[{\"blob\":\"" + blob
                        + "\",\"annotations\":{\"size\":-1,\"mediaType\":\"x\",\"diffID\":\"" + blob + "\"}}]}"))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read it: field layers[0].annotations.size is negative");
    }
}
