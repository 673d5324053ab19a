package dev.cais.image.registry;

import dev.cais.ImageLimits;
import dev.cais.RegistryOptions;
import dev.cais.image.ImageCatalog;
import dev.cais.storage.Store;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Times pulls into an empty store, and of the unchanged tag: {@code PullTiming HOST:PORT DIRECTORY RUNS NAME…}, the registry in
 * plain HTTP. Wall clock and processor time of this JVM, in ms. Not a test; {@code image/README.md} says what came out.
 */
final class PullTiming {
    private static final int AGAIN = 20;

    private PullTiming() {}

    public static void main(String[] arguments) {
        var options = RegistryOptions.defaults().insecure(arguments[0]);
        try (var store = Store.open(Path.of(arguments[1]), "timing");
                var images = new ImageCatalog(store, ImageLimits.DEFAULT, options)) {
            for (var at = 3; at < arguments.length; at++) {
                for (var run = 0; run < Integer.parseInt(arguments[2]); run++) {
                    time(images, arguments[0] + "/" + arguments[at]);
                }
            }
        }
    }

    private static void time(ImageCatalog images, String name) {
        var processor = processorTime();
        var start = System.nanoTime();
        var image = images.pull(name);
        var wall = System.nanoTime() - start;
        processor = processorTime() - processor;
        var again = Long.MAX_VALUE;
        for (var i = 0; i < AGAIN; i++) {
            start = System.nanoTime();
            images.pull(name);
            again = Math.min(again, System.nanoTime() - start);
        }
        System.out.println(String.format(
                Locale.ROOT,
                "%s: %.0f, processor %.0f, unchanged %.1f",
                name,
                wall / 1e6,
                processor / 1e6,
                again / 1e6));
        image.remove();
    }

    private static long processorTime() {
        return ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class)
                .getProcessCpuTime();
    }
}
