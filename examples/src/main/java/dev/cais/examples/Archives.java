package dev.cais.examples;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import java.nio.file.Path;

/**
 * {@code Archives IN OUT ROOTFS}: loads the images of an archive, writes each one as an OCI layout and as a docker-archive below
 * the directory OUT, then makes an image from a root file system's tar, runs it and removes it.
 */
public final class Archives {
    private Archives() {}

    public static void main(String[] arguments) {
        var out = Path.of(arguments[1]);
        try (var engine = Engine.open()) {
            var images = engine.images();
            for (var image : images.load(Path.of(arguments[0]))) {
                System.out.println(image.tags() + " " + image.id() + " for " + image.platform());
                image.layers().forEach(layer -> System.out.println("  layer " + layer.diffId() + ", " + layer.size()));
                image.history().forEach(step -> System.out.println("  made by " + step.createdBy()));

                var name = image.tags().isEmpty()
                        ? image.id().toString()
                        : image.tags().get(0);
                var file = name.replaceAll("[^a-zA-Z0-9.-]", "_");
                images.save(out.resolve(file), name); // an OCI layout: same manifest digest
                images.save(out.resolve(file + ".tar"), name); // a docker-archive: same image id
            }

            var imported = images.importRootfs(Path.of(arguments[2]), "imported:latest");
            var hostname = ContainerSpec.of(imported).command("cat", "/etc/hostname");
            System.out.print("the container is called "
                    + engine.containers().run(hostname).stdout());
            images.list().forEach(System.out::println);
            images.remove("imported:latest");
        }
    }
}
