package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Digest;
import dev.cais.Platform;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of many layers: mount(2) takes 4096 bytes of options. */
@RequiresRoot
@LeakChecked
class LayersTest {
    /** Docker's own limit. */
    private static final int LAYERS = 127;

    @Test
    void anImageWith127LayersStarts(TestStore store, @TempDir Path directory) throws Exception {
        var archive = directory.resolve("tall.tar");
        Files.write(archive, archive());
        try (var engine = store.openEngine()) {
            engine.images().load(archive);
            var result = engine.containers()
                    .run(ContainerSpec.of("tall").command("sh", "-c", "ls /layers | wc -l; cat /top; cat /layers/1"));

            assertThat(result.stdout()).isEqualTo((LAYERS - 1) + "\n" + (LAYERS - 1) + "\n1\n");
        }
    }

    private static byte[] archive() throws Exception {
        var layers = new ArrayList<byte[]>();
        layers.add(Files.readAllBytes(TestImages.busyboxRootfs()));
        for (var i = 1; i < LAYERS; i++) {
            layers.add(new TarWriter()
                    .directory("layers/", 0755)
                    .file("layers/" + i, 0644, i + "\n")
                    .file("top", 0644, i + "\n")
                    .bytes());
        }
        var digests = new ArrayList<String>();
        for (var layer : layers) {
            digests.add(Digest.sha256(MessageDigest.getInstance("SHA-256").digest(layer))
                    .hex());
        }
        var config = """
                {"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}""".formatted(
                        Platform.host().architecture(),
                        digests.stream().map(hex -> "\"sha256:" + hex + "\"").collect(Collectors.joining(",")));
        var manifest =
                """
                [{"Config":"config.json","RepoTags":["tall:latest"],"Layers":[%s]}]""".formatted(digests.stream().map(hex -> "\"" + hex + ".tar\"").collect(Collectors.joining(",")));
        var archive = new TarWriter();
        for (var i = 0; i < layers.size(); i++) {
            archive.file(digests.get(i) + ".tar", 0644, layers.get(i));
        }
        return archive.file("config.json", 0644, config)
                .file("manifest.json", 0644, manifest)
                .bytes();
    }
}
