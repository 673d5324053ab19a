package dev.cais.examples;

import dev.cais.BuildLayer;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.Engine;
import dev.cais.Image;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/**
 * {@code JavaImage BASE MAIN CLASSPATH TAG}: an image of a Java program without a Dockerfile, and without running anything, as Jib makes
 * them. What changes seldom comes first, each in a layer of its own: other people's jars, resources, classes. So one changed class costs
 * a layer of classes; and all layers stay as they are when the base changes.
 */
public final class JavaImage {
    private JavaImage() {}

    public static void main(String[] arguments) throws IOException {
        try (var engine = Engine.open()) {
            var image = build(engine, arguments[0], arguments[1], arguments[2], arguments[3]);
            System.out.println(image);
            image.history().stream()
                    .filter(entry -> entry.createdBy().startsWith("LAYER"))
                    .forEach(entry -> System.out.println(entry.createdBy()));
        }
    }

    private static Image build(Engine engine, String base, String main, String classpath, String tag)
            throws IOException {
        var jars = BuildLayer.EMPTY;
        var resources = BuildLayer.EMPTY;
        var classes = BuildLayer.EMPTY;
        for (var each : classpath.split(File.pathSeparator)) {
            var path = Path.of(each);
            if (Files.isRegularFile(path)) {
                jars = jars.file("/app/libs/" + path.getFileName(), path, 0644);
            } else {
                resources = files(resources, "/app/resources/", path, name -> !name.endsWith(".class"));
                classes = files(classes, "/app/classes/", path, name -> name.endsWith(".class"));
            }
        }
        var stage = BuildStage.from(base).as("app");
        for (var layer : List.of(jars, resources, classes)) {
            stage = layer.entries().isEmpty() ? stage : stage.then(layer);
        }
        stage = stage.workdir("/app").entrypoint("java", "-cp", "/app/resources:/app/classes:/app/libs/*", main);
        return engine.images().build(BuildSpec.of(stage).tag(tag));
    }

    private static BuildLayer files(BuildLayer layer, String target, Path directory, Predicate<String> wanted)
            throws IOException {
        var found = new ArrayList<Path>();
        try (var files = Files.walk(directory)) {
            files.filter(Files::isRegularFile).sorted().forEach(found::add);
        }
        var filled = layer;
        for (var file : found) {
            var name = directory.relativize(file).toString();
            if (wanted.test(name)) {
                filled = filled.file(target + name, file, 0644);
            }
        }
        return filled;
    }
}
