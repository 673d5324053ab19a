package dev.cais.examples;

import dev.cais.ArtifactSpec;
import dev.cais.CopyOptions;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.IndexSpec;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * {@code Registry HOST:PORT IMAGE…}: gives images of the store, each for another platform, one name in a registry; attaches a note to
 * it, copies all of that to another repository, shows what the registry has then, and deletes the copy.
 */
public final class Registry {
    private Registry() {}

    public static void main(String[] arguments) {
        var host = arguments[0];
        var names = Arrays.copyOfRange(arguments, 1, arguments.length);
        try (var engine = Engine.open(EngineOptions.defaults().insecureRegistry(host))) {
            var images = engine.images();
            var first = images.repository(host + "/first");
            var index = first.push("1", IndexSpec.of(names).annotation("org.opencontainers.image.title", "one name"));
            var note = "checked by hand".getBytes(StandardCharsets.UTF_8);
            first.push(ArtifactSpec.of("application/vnd.example.note")
                    .bytes("note.txt", note, "text/plain")
                    .subject(index));

            var copied = images.copy(
                    host + "/first:1",
                    host + "/second/copy:1",
                    CopyOptions.defaults().withReferrers(),
                    event -> {});
            System.out.println("same digest: " + copied.equals(index));
            images.registry(host)
                    .repositories()
                    .forEach(name -> System.out.println(name.substring(host.length()) + " "
                            + images.repository(name)
                                    .tags()
                                    .filter(tag -> tag.length() < 10)
                                    .sorted()
                                    .toList()));

            var second = images.repository(host + "/second/copy");
            for (var entry : second.manifest("1").manifests()) {
                System.out.println("for " + entry.platform().orElseThrow());
            }
            for (var referrer : second.referrers(copied)) {
                var blob = second.manifest(referrer.digest().toString()).blobs().get(0);
                System.out.println(
                        referrer.artifactType() + ": " + new String(second.read(blob), StandardCharsets.UTF_8));
            }
            second.delete(copied.toString());
            System.out.println(
                    "left: " + second.tags().filter(tag -> tag.length() < 10).toList());
        }
    }
}
