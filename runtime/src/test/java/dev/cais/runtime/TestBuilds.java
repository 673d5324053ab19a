package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildEvent;
import dev.cais.BuildSpec;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Builds of a test: their context, and what they told. */
record TestBuilds(Engine engine, Path context, List<BuildEvent> events) {
    static TestBuilds of(Engine engine, Path context) {
        return new TestBuilds(engine, context, Collections.synchronizedList(new ArrayList<>()));
    }

    /** Of the context, with this Dockerfile. */
    BuildSpec spec(String dockerfile) {
        write("Dockerfile", dockerfile);
        return BuildSpec.of(context);
    }

    Image build(String dockerfile) {
        return build(spec(dockerfile));
    }

    Image build(BuildSpec spec) {
        return engine.images().build(spec, events::add);
    }

    /** A file of the context, 0644. */
    void write(String name, String content) {
        var file = context.resolve(name);
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, content);
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the image's program, or another one in it, writes. */
    String run(Image image, String... command) {
        var spec = ContainerSpec.of(image);
        var result = engine.containers().run(command.length == 0 ? spec : spec.command(command));
        assertThat(result.stderr()).isEmpty();
        return result.stdout();
    }

    /** Steps that were not cached, since this was asked for last. */
    List<String> carriedOut() {
        var texts = events.stream()
                .filter(BuildEvent.Started.class::isInstance)
                .map(Object::toString)
                .toList();
        events.clear();
        return texts;
    }

    static List<String> history(Image image) {
        return image.history().stream()
                .filter(entry -> entry.comment().equals("buildkit.dockerfile.v0"))
                .map(HistoryEntry::createdBy)
                .toList();
    }
}
