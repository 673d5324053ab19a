package dev.cais.image.layer;

import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.storage.Store;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times the unpacking of a layer in turns with {@code gzip -d | tar x}: {@code UnpackTiming LAYER.tar.gz DIRECTORY RUNS}. Not a
 * test; {@code image/README.md} says what came out.
 */
final class UnpackTiming {
    private UnpackTiming() {}

    public static void main(String[] arguments) throws Exception {
        var layer = Path.of(arguments[0]);
        var directory = Path.of(arguments[1]);
        Digest diffId;
        try (var in = Files.newInputStream(layer)) {
            diffId = LayerUnpacker.diffId(in, "layer", ImageLimits.DEFAULT);
        }
        var floor = new ArrayList<Double>();
        var cais = new ArrayList<Double>();
        var removal = new ArrayList<Double>();
        for (var run = 0; run < Integer.parseInt(arguments[2]); run++) {
            floor.add(shell(
                    "rm -rf " + directory + "/floor; mkdir -p " + directory + "/floor; sync",
                    "gzip -dc " + layer + " | tar -x --numeric-owner -C " + directory + "/floor"));
            try (var store = Store.open(directory.resolve("store"), "timing")) {
                sync();
                var unpacker = new LayerUnpacker(store.layers(), ImageLimits.DEFAULT);
                var start = System.nanoTime();
                unpacker.unpack(new LayerSource(diffId, () -> Files.newInputStream(layer)));
                cais.add((System.nanoTime() - start) / 1e6);
                start = System.nanoTime();
                store.layers().delete(diffId);
                removal.add((System.nanoTime() - start) / 1e6);
            }
        }
        System.out.println("first: " + cais.get(0));
        report("gzip -d | tar x", floor);
        report("cais", cais);
        report("cais, removal", removal);
        shell("true", "rm -rf " + directory + "/floor");
    }

    private static void sync() throws Exception {
        shell("true", "sync");
    }

    private static double shell(String before, String timed) throws Exception {
        new ProcessBuilder("sh", "-c", before).inheritIO().start().waitFor();
        var start = System.nanoTime();
        new ProcessBuilder("sh", "-c", timed).inheritIO().start().waitFor();
        return (System.nanoTime() - start) / 1e6;
    }

    private static void report(String what, List<Double> times) {
        var sorted = times.stream().sorted().toList();
        System.out.printf(
                Locale.ROOT,
                "%-20s median %.0f ms, min %.0f, max %.0f, %d runs%n",
                what,
                sorted.get(sorted.size() / 2),
                sorted.get(0),
                sorted.get(sorted.size() - 1),
                sorted.size());
    }
}
