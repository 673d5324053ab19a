package dev.cais.image.registry;

import dev.cais.ImageLimits;
import dev.cais.LayerCompression;
import dev.cais.PushOptions;
import dev.cais.RegistryOptions;
import dev.cais.image.ImageCatalog;
import dev.cais.storage.Store;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * A contender that takes turns with other programs: does one pull or push for each line read, and answers {@code ok}. Not a test;
 * {@code src/test/sh/registry-turns.sh} starts it.
 *
 * <p>{@code HOST:PORT DIRECTORY pull|again|push|repush NAME [ARCHIVE COMPRESSION]}: {@code pull} into an empty store, {@code again}
 * of an unchanged tag, {@code push} of an image just loaded from the archive, {@code repush} of what the registry has. What makes
 * the next turn possible is done behind the answer, while the file {@code DIRECTORY.busy} is there.
 */
final class RegistryTurns {
    private RegistryTurns() {}

    public static void main(String[] arguments) throws IOException {
        var host = arguments[0];
        var mode = arguments[2];
        var name = host + "/" + arguments[3];
        var busy = Path.of(arguments[1] + ".busy");
        var options = PushOptions.defaults();
        if (arguments.length > 4) {
            options = options.compression(LayerCompression.valueOf(arguments[5].toUpperCase(Locale.ROOT)));
        }
        try (var store = Store.open(Path.of(arguments[1]), "turns");
                var images = new ImageCatalog(
                        store, ImageLimits.DEFAULT, RegistryOptions.defaults().insecure(host));
                var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            var isPush = mode.endsWith("push");
            if (isPush) {
                load(images, arguments[4], name);
            }
            while (lines.readLine() != null) {
                if (isPush) {
                    images.push(name, options);
                } else {
                    images.pull(name);
                }
                Files.write(busy, new byte[0]);
                System.out.println("ok");
                switch (mode) {
                    case "pull" -> images.get(name).remove();
                    case "push" -> {
                        images.get(name).remove();
                        load(images, arguments[4], name);
                    }
                    default -> {
                        // the same again
                    }
                }
                Files.delete(busy);
            }
        }
    }

    private static void load(ImageCatalog images, String archive, String name) {
        images.load(Path.of(archive)).get(0).tag(name);
    }
}
