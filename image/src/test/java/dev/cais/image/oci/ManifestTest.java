package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ManifestTest {
    private static final ImageLimits TWO_LAYERS = new ImageLimits(ByteSize.kib(2), 2, ByteSize.mib(1), 100, 255);
    private static final String HEX = "0123456789abcdef".repeat(4);

    @Test
    void manifestsOfDockerAndOciAreRead() {
        var docker = parse("""
                {"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",
                 "config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":1090,"digest":"sha256:%s"},
                 "layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":7,"digest":"sha256:%s"}]}
                """.formatted(HEX, HEX));
        var oci = parse("""
                {"schemaVersion":2,"unknown":{"layers":[1]},
                 "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":1,"digest":"sha256:%s"},
                 "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":7,"digest":"sha512:%s",
                            "annotations":{"a":"b"}}]}
                """.formatted(HEX, HEX + HEX));

        assertThat(docker.config().size().bytes()).isEqualTo(1090);
        assertThat(docker.layers())
                .singleElement()
                .isEqualTo(MediaType.DOCKER_LAYER_GZIP.descriptor(new Digest("sha256", HEX), 7));
        assertThat(oci.layers())
                .singleElement()
                .extracting(Descriptor::digest)
                .isEqualTo(new Digest("sha512", HEX + HEX));
    }

    @Test
    void writtenManifestIsAlwaysTheSameAndReadBack() {
        var manifest = new Manifest(
                MediaType.OCI_MANIFEST,
                MediaType.OCI_CONFIG.descriptor(new Digest("sha256", HEX), 2),
                List.of(MediaType.OCI_LAYER.descriptor(new Digest("sha256", HEX), 3)));

        assertThat(manifest.toBytes()).asString(StandardCharsets.UTF_8).isEqualTo("""
                {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
                "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":2},\
                "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":3}]}""".formatted(HEX, HEX));
        assertThat(parse(new String(manifest.toBytes(), StandardCharsets.UTF_8)))
                .isEqualTo(manifest);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{}                            | field schemaVersion is missing",
                "{'schemaVersion':1}           | it is of Docker's schema 1; copy the image with skopeo copy --format v2s2",
                "{'schemaVersion':3}           | field schemaVersion is 3, not 2",
                "{V2}                          | field config is missing",
                "{V2,'mediaType':'text/x'}     | field mediaType is the unknown media type text/x, not that of a manifest",
                "{V2,'manifests':[]}           | field manifests belongs to an index, not to a manifest",
                "{V2,'config':{'mediaType':'application/vnd.cncf.helm.config.v1+json','size':1,DIGEST}}"
                        + " | field config.mediaType is the unknown media type application/vnd.cncf.helm.config.v1+json, not that of an image configuration",
                "{V2,'config':{'mediaType':'application/vnd.oci.image.config.v1+json','size':2049,DIGEST}}"
                        + " | field config.size is 2049, beyond the limit of 2.0 KiB",
                "{V2,CONFIG,'layers':[LAYER,LAYER,LAYER]} | field layers has 3 elements, beyond the limit of 2",
                "{V2,CONFIG,'layers':[LAYER,{'mediaType':'application/vnd.oci.image.config.v1+json','size':1,DIGEST}]}"
                        + " | field layers[1].mediaType is the media type application/vnd.oci.image.config.v1+json, not that of a layer",
                "{V2,CONFIG,'layers':[{'mediaType':'x/y','size':1,DIGEST}]}"
                        + " | field layers[0].mediaType is the unknown media type x/y, not that of a layer",
                "{V2,CONFIG,'layers':[{'mediaType':'x/y','size':-1,DIGEST}]} | field layers[0].size is negative",
                "{V2,CONFIG,'layers':[{'mediaType':'x/y',DIGEST}]}           | field layers[0].size is missing",
                "{V2,CONFIG,'layers':[{'size':1,DIGEST}]}                    | field layers[0].mediaType is missing",
                "{V2,CONFIG,'layers':[{'mediaType':'x/y','size':1}]}         | field layers[0].digest is missing",
                "{V2,CONFIG,'layers':[{'mediaType':'x/y','size':1,'digest':'sha256:../../etc/passwd'}]}"
                        + " | field layers[0].digest is no digest: sha256:../../etc/passwd",
            })
    void wrongFieldIsNamed(String text, String why) {
        assertThatThrownBy(() -> parse(text.replace("V2", "'schemaVersion':2")
                        .replace(
                                "CONFIG",
                                "'config':{'mediaType':'application/vnd.oci.image.config.v1+json','size':1,DIGEST}")
                        .replace("LAYER", "{'mediaType':'application/vnd.oci.image.layer.v1.tar','size':1,DIGEST}")
                        .replace("DIGEST", "'digest':'sha256:" + HEX + "'")
                        .replace('\'', '"')))
                .isInstanceOf(CorruptContentException.class)
                .hasMessage("cannot read manifest sha256:1: " + why);
    }

    private static Manifest parse(String text) {
        return Manifest.parse(text.getBytes(StandardCharsets.UTF_8), "manifest sha256:1", TWO_LAYERS);
    }
}
