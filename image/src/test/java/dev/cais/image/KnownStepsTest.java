package dev.cais.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.Layer;
import dev.cais.image.oci.CacheConfig;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.MediaType;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class KnownStepsTest {
    private static final Instant TIME = Instant.parse("2023-11-14T22:13:20Z");
    private static final Layer BASE = layer("base");
    private static final Layer ONE = layer("one");
    private static final Layer TWO = layer("two");
    private static final KnownSteps STEPS = new KnownSteps(
            Map.of(digest("key of one"), step(ONE, BASE), digest("key of two"), step(TWO, BASE, ONE)),
            Map.of(digest("asked"), digest("found")));
    private static final Map<Digest, Layer> BLOBS = Map.of(BASE.diffId(), BASE, ONE.diffId(), ONE, TWO.diffId(), TWO);

    private static Digest digest(String text) {
        return Hash.sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    private static Layer layer(String name) {
        return new Layer(
                digest("tar of " + name),
                digest("gzip of " + name),
                ByteSize.bytes(7),
                MediaType.OCI_LAYER_GZIP.toString());
    }

    private static KnownSteps.Step step(Layer layer, Layer... below) {
        return new KnownSteps.Step(
                List.of(below).stream().map(Layer::diffId).toList(), layer.diffId(), Optional.of(layer), TIME);
    }

    private static KnownSteps read(KnownSteps.Written written) {
        var config = CacheConfig.parse(written.config().toBytes(), "it");
        return KnownSteps.read(config, written.layers(), ImageLimits.DEFAULT);
    }

    @Test
    void layersStandOnThoseBelowThemAndRecordsOnTheirs() {
        var written = STEPS.write(BLOBS);

        assertThat(written.config().layers())
                .containsExactly(
                        new CacheConfig.Layer(BASE.blob(), -1),
                        new CacheConfig.Layer(ONE.blob(), 0),
                        new CacheConfig.Layer(TWO.blob(), 1));
        assertThat(written.config().records().get(1))
                .isEqualTo(new CacheConfig.Entry(
                        digest("key of two"),
                        List.of(new CacheConfig.Result(2, TIME)),
                        List.of(List.of(new CacheConfig.Input("", 0)))));
        assertThat(written.layers())
                .extracting(Descriptor::annotations)
                .containsExactly(
                        Map.of("containerd.io/uncompressed", BASE.diffId().toString()),
                        Map.of(
                                "containerd.io/uncompressed",
                                ONE.diffId().toString(),
                                "buildkit/createdat",
                                "2023-11-14T22:13:20Z"),
                        Map.of(
                                "containerd.io/uncompressed",
                                TWO.diffId().toString(),
                                "buildkit/createdat",
                                "2023-11-14T22:13:20Z"));
    }

    @Test
    void whatIsWrittenIsRead() {
        var read = read(STEPS.write(BLOBS));

        assertThat(read.notes()).isEqualTo(STEPS.notes());
        assertThat(read.steps()).isEqualTo(Map.of(digest("key of one"), step(ONE), digest("key of two"), step(TWO)));
    }

    @Test
    void ofStepsWithoutALayerTheOutcomeIsRead() {
        var read = read(STEPS.only(Set.of(BASE.diffId(), TWO.diffId())).write(BLOBS));

        assertThat(read.steps().values())
                .extracting(KnownSteps.Step::diffId)
                .containsExactlyInAnyOrder(ONE.diffId(), TWO.diffId());
        assertThat(read.steps().values()).extracting(KnownSteps.Step::layer).containsOnly(Optional.empty());
    }

    @Test
    void ofWhatTwoKnowThatWithItsLayerCounts() {
        var outcomes = STEPS.only(Set.of());
        var none = new KnownSteps(Map.of(), Map.of());

        assertThat(KnownSteps.of(List.of(outcomes, STEPS))).isEqualTo(STEPS);
        assertThat(KnownSteps.of(List.of(STEPS, outcomes))).isEqualTo(STEPS);
        assertThat(KnownSteps.of(List.of(none, STEPS))).isEqualTo(STEPS);
        assertThat(KnownSteps.of(List.of(STEPS, none))).isEqualTo(STEPS);
    }

    @Test
    void recordsInAnImageCountItsLayers() {
        var inline = STEPS.inline(List.of(BASE.diffId(), ONE.diffId()));
        var layers = STEPS.write(BLOBS).layers().subList(0, 2);
        var read = KnownSteps.read(
                KnownSteps.ofImage(CacheConfig.parseRecords(inline, "it"), layers), layers, ImageLimits.DEFAULT);

        assertThat(read.steps().get(digest("key of one"))).isEqualTo(step(ONE));
        assertThat(read.steps().get(digest("key of two")))
                .isEqualTo(new KnownSteps.Step(List.of(), TWO.diffId(), Optional.empty(), Instant.EPOCH));
    }

    @Test
    void whateverPointsWhereverIsHarmless() {
        var random = new Random(20261122);
        var blobs = STEPS.write(BLOBS).layers();
        for (var round = 0; round < 2_000; round++) {
            var layers = new ArrayList<CacheConfig.Layer>();
            var records = new ArrayList<CacheConfig.Entry>();
            for (var i = 0; i < random.nextInt(5); i++) {
                layers.add(new CacheConfig.Layer(blobs.get(random.nextInt(3)).digest(), random.nextInt(9) - 1));
            }
            for (var i = 0; i < random.nextInt(5); i++) {
                var link = new CacheConfig.Input(
                        random.nextBoolean() ? "dev.cais.layer" : "dev.cais.files", random.nextInt(9) - 2);
                records.add(new CacheConfig.Entry(
                        digest("key " + random.nextInt(3)),
                        List.of(new CacheConfig.Result(random.nextInt(9) - 1, TIME)),
                        List.of(List.of(link), List.of())));
            }
            var read = KnownSteps.read(new CacheConfig(layers, records), blobs, ImageLimits.DEFAULT);

            assertThat(read.steps().size()).isLessThanOrEqualTo(3);
            read.steps()
                    .values()
                    .forEach(step -> step.layer()
                            .ifPresent(layer -> assertThat(BLOBS.values()).contains(layer)));
        }
    }
}
