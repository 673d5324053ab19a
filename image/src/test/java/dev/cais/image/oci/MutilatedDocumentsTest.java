package dev.cais.image.oci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.Platform;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Documents with pieces replaced, removed and doubled: each is read, or refused in one sentence. */
class MutilatedDocumentsTest {
    private static final List<String> PIECES = List.of(
            "null",
            "{}",
            "[]",
            "\"\"",
            "-1",
            "9e99",
            "99999999999999999999",
            "true",
            "\"sha256:0\"",
            "[{}]",
            "\"a\\u0000b\"",
            ",",
            "}");
    private static final int ROUNDS = 20_000;

    @Test
    void configurations() throws IOException, URISyntaxException {
        for (var name : List.of("everything", "buildah-docker")) {
            var folder = Path.of(Objects.requireNonNull(getClass().getResource("config/" + name))
                    .toURI());
            mutilate(
                    Files.readString(folder.resolve("config.json")),
                    bytes -> ConfigDocument.parse(bytes, "it", ImageLimits.DEFAULT));
        }
    }

    @Test
    void manifestsAndIndexes() {
        var descriptor = """
                {"mediaType":"%s","digest":"sha256:%s","size":7,"annotations":{"a":"b"},\
                "platform":{"os":"linux","architecture":"amd64","variant":"v1"}}""";
        var hex = "0123456789abcdef".repeat(4);
        mutilate(
                "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":%s,\"layers\":[%s,%s]}"
                        .formatted(
                                MediaType.OCI_MANIFEST,
                                descriptor.formatted(MediaType.OCI_CONFIG, hex),
                                descriptor.formatted(MediaType.OCI_LAYER, hex),
                                descriptor.formatted(MediaType.OCI_LAYER_GZIP, hex)),
                bytes -> Manifest.parse(bytes, "it", ImageLimits.DEFAULT));
        mutilate(
                "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[%s,%s]}"
                        .formatted(
                                MediaType.OCI_INDEX,
                                descriptor.formatted(MediaType.OCI_MANIFEST, hex),
                                descriptor.formatted(MediaType.OCI_INDEX, hex)),
                bytes -> Index.parse(bytes, "it").choose(Platform.parse("linux/amd64"), "it"));
    }

    @Test
    void caches() {
        var records = """
                [{"layers":[{"layer":1,"createdAt":"2023-11-14T22:13:20Z"}],"digest":"sha256:HEX",\
                "inputs":[[{"selector":"sha256:HEX","link":0},{"link":1}],[{"link":2}]]},{"digest":"sha256:HEX"}]""".replace("HEX", "0123456789abcdef".repeat(4));
        mutilate(records, bytes -> CacheConfig.parseRecords(bytes, "it"));
        mutilate(
                "{\"layers\":[{\"blob\":\"sha256:" + "ab".repeat(32) + "\",\"parent\":-1}],\"records\":" + records
                        + "}",
                bytes -> CacheConfig.parse(bytes, "it"));
        var blob = "sha256:" + "ab".repeat(32);
        mutilate("""
                {"layers":[{"blob":"BLOB","parent":-1,"annotations":{"mediaType":"x","diffID":"BLOB","size":7,\
                "createdAt":"2023-11-14T22:13:20Z"}}],"records":[]}""".replace("BLOB", blob), bytes -> DescribedCacheConfig.parse(bytes, "it"));
    }

    private static void mutilate(String document, Consumer<byte[]> parser) {
        var random = new Random(20261121);
        var tokens = document.split("(?<=[,:\\[\\]{}])|(?=[,:\\[\\]{}])");
        var read = 0;
        for (var round = 0; round < ROUNDS; round++) {
            var text = new StringBuilder();
            var victim = random.nextInt(tokens.length);
            for (var i = 0; i < tokens.length; i++) {
                var isVictim = i == victim || random.nextInt(200) == 0;
                switch (isVictim ? random.nextInt(4) : 4) {
                    case 0 -> text.append(PIECES.get(random.nextInt(PIECES.size())));
                    case 1 -> text.append(tokens[i]).append(tokens[i]);
                    case 2 -> text.append(tokens[random.nextInt(tokens.length)]);
                    case 3 -> {} // gone
                    default -> text.append(tokens[i]);
                }
            }
            try {
                parser.accept(text.toString().getBytes(StandardCharsets.UTF_8));
                read++;
            } catch (CorruptContentException e) {
                assertThat(e.getMessage()).startsWith("cannot ").doesNotContain("\n", "\u0000");
            }
        }
        assertThat(read).isBetween(1, ROUNDS - 1);
    }
}
