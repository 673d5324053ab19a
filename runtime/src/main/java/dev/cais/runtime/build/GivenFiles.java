package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.BuildLayer;
import dev.cais.ConflictException;
import dev.cais.InvalidSpecException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.oci.Shown;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Files that a program gives, with the directories above them. */
final class GivenFiles {
    private static final int MOST_FILES = 1_000_000;

    private final String what;

    /** By path without the first slash, directories before what is in them. */
    private final Map<String, BuildLayer.Entry> entries = new TreeMap<>();

    /** @param what they are, for messages: {@code the layer} */
    GivenFiles(String what, BuildLayer given) {
        this.what = what;
        for (var entry : given.entries()) {
            entries.put(path(entry), entry);
        }
        new ArrayList<>(entries.keySet()).forEach(this::addParents);
        if (entries.size() > MOST_FILES) {
            throw new InvalidSpecException(what + " has more than " + MOST_FILES + " files");
        }
    }

    private static String path(BuildLayer.Entry entry) {
        return new String(InRoot.path(entry.path()), StandardCharsets.UTF_8);
    }

    private void addParents(String path) {
        for (var slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
            var above = path.substring(0, slash);
            var known = entries.putIfAbsent(
                    above,
                    new BuildLayer.Entry(
                            "/" + above,
                            new BuildLayer.Directory(0755),
                            BuildLayer.EMPTY.owner(),
                            BuildLayer.EMPTY.time()));
            if (known != null && !(known.node() instanceof BuildLayer.Directory)) {
                throw new ConflictException(
                        Shown.text(known.path()) + " is no directory, and " + what + " has " + Shown.text("/" + path));
            }
        }
    }

    /** By path without the first slash, directories before what is in them. */
    Map<String, BuildLayer.Entry> entries() {
        return Collections.unmodifiableMap(entries);
    }

    /** Opens what a file holds. */
    interface Opening {
        InputStream open(String path, BuildLayer.File file) throws IOException;
    }

    /**
     * Writes all of them.
     *
     * @param times those that files get in place of theirs
     * @param opening called for each file; once it is read to its end, the stream is closed
     */
    void write(FileOperations files, UnaryOperator<Instant> times, Opening opening) {
        entries.forEach((path, entry) -> {
            var at = path.getBytes(StandardCharsets.UTF_8);
            var time = times.apply(entry.time());
            if (entry.node() instanceof BuildLayer.File file) {
                try (var in = opening.open(path, file);
                        var sink = files.file(at, attributes(entry, file.mode(), time))) {
                    in.transferTo(sink);
                    sink.finish();
                } catch (IOException e) {
                    throw unreadable(entry, e);
                }
            } else if (entry.node() instanceof BuildLayer.Directory directory) {
                files.directory(at, attributes(entry, directory.mode(), time));
            } else if (entry.node() instanceof BuildLayer.Link link) {
                files.symlink(at, link.target().getBytes(StandardCharsets.UTF_8), attributes(entry, 0777, time));
            }
        });
    }

    private static Attributes attributes(BuildLayer.Entry entry, int mode, Instant time) {
        return new Attributes(entry.owner().uid(), entry.owner().gid(), mode, time, time, List.of());
    }

    /** As a resource of the class path is opened that may not be there. */
    static InputStream open(BuildLayer.File file) throws IOException {
        @Nullable InputStream content = file.content().open();
        if (content == null) {
            throw new IOException("it is not there");
        }
        return content;
    }

    static BuildException unreadable(BuildLayer.Entry entry, IOException cause) {
        return new BuildException(
                "what " + Shown.text(entry.path()) + " is to hold cannot be read: " + IoFailure.reason(cause),
                Map.of(),
                "",
                cause);
    }
}
