package dev.cais.examples;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.io.IOException;
import java.nio.file.Files;

/** Carries a file of the host into a volume with one container, and reads it with another. */
public final class Volumes {
    private Volumes() {}

    public static void main(String[] arguments) throws IOException {
        var host = Files.createTempDirectory("in");
        var greeting = Files.writeString(host.resolve("greeting"), "hello\n");
        try (var engine = Engine.open()) {
            var data = engine.volumes().create("data");
            var writer = ContainerSpec.of("busybox")
                    .mount(data, "/data")
                    .bindReadOnly(host, "/in")
                    .tmpfs("/scratch")
                    .command("cp", "/in/greeting", "/data/");
            System.out.println("copied: " + engine.containers().run(writer).status()); // copied: exit 0

            var reader =
                    ContainerSpec.of("busybox").mountReadOnly(data, "/data").command("cat", "/data/greeting");
            System.out.print(engine.containers().run(reader).stdout()); // hello
            System.out.println(data.path().resolve("greeting").toFile().length() + " bytes in " + data.name());
            data.remove(); // a volume stays until it is removed
        } finally {
            Files.delete(greeting);
            Files.delete(host);
        }
    }
}
