package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The files of an archive by their paths, relative to its top. No path and no link leads out of it. */
abstract class ArchiveFiles implements AutoCloseable {
    private final String name;

    /** @param name of the archive, for messages */
    ArchiveFiles(String name) {
        this.name = name;
    }

    /**
     * The file, if there is one.
     *
     * @param path as a document of the archive writes it
     * @throws CorruptContentException if the path or a link leads out of the archive, or to something that is no file
     */
    final Optional<ArchiveFile> find(String path) {
        return findNormal(normal(path));
    }

    /**
     * The file.
     *
     * @param what it is for, as in {@code layer 3}
     * @throws CorruptContentException if there is none, and as said at {@link #find}
     */
    final ArchiveFile require(String path, String what) {
        return find(path)
                .orElseThrow(() -> new CorruptContentException(
                        "cannot load " + name + ": " + what + " is missing, there is no " + Shown.text(path)));
    }

    final boolean has(String path) {
        return find(path).isPresent();
    }

    /** For messages: the file or directory as it was named to us. */
    final String name() {
        return name;
    }

    final String what(String path) {
        return Shown.text(path) + " of " + name;
    }

    /** @param path without empty parts, {@code .} and {@code ..} */
    abstract Optional<ArchiveFile> findNormal(String path);

    @Override
    public abstract void close();

    private String normal(String path) {
        var parts = new ArrayList<String>();
        for (var part : path.split("/", -1)) {
            if (part.equals("..")) {
                throw leadsOut(path);
            }
            if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        if (path.startsWith("/") || path.indexOf('\0') >= 0) {
            throw leadsOut(path);
        }
        return String.join("/", parts);
    }

    final CorruptContentException leadsOut(String path) {
        return new CorruptContentException("cannot load " + name + ": path " + Shown.text(path) + " leads out of it");
    }

    final CorruptContentException noFile(String path) {
        return new CorruptContentException("cannot load " + name + ": " + Shown.text(path) + " is no file");
    }

    /** The path that a link's target means, seen from the link's directory; empty if that is above the top. */
    static Optional<String> resolve(List<String> directory, String target) {
        var parts = target.startsWith("/") ? new ArrayList<String>() : new ArrayList<>(directory);
        for (var part : target.split("/", -1)) {
            if (part.equals("..")) {
                if (parts.isEmpty()) {
                    return Optional.empty();
                }
                parts.remove(parts.size() - 1);
            } else if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return Optional.of(String.join("/", parts));
    }
}
