package dev.cais;

import java.io.InputStream;
import java.nio.file.Path;

/**
 * Where a build takes files from. A directory is read where it is; the others are brought to the store for the build, and go with it.
 *
 * @see <a href="https://docs.docker.com/build/concepts/context/">Build context</a>
 */
public sealed interface BuildContext {
    /** A directory of the host. */
    static BuildContext directory(Path path) {
        return new Directory(path);
    }

    /**
     * A tar stream.
     *
     * @param archive plain, or compressed by gzip, zstd, bzip2 or xz. It is read once, by the first build, and not closed
     */
    static BuildContext tar(InputStream archive) {
        return new Tar(archive);
    }

    /**
     * The files and the configuration of an image, which is pulled if the store has none of that name.
     *
     * @param name as in {@code busybox} or {@code ghcr.io/a/b@sha256:4f5a1c…}
     */
    static BuildContext image(String name) {
        return new OfImage(name);
    }

    /**
     * The same of an image in an OCI layout.
     *
     * @param layout a directory or a tar
     * @param reference digest of an entry of its {@code index.json}, or its name there; empty if there is but one
     */
    static BuildContext layout(Path layout, String reference) {
        return new Layout(layout, reference);
    }

    /** No files at all: for a Dockerfile that is given as text. */
    static BuildContext empty() {
        return new Empty();
    }

    /** @param path absolute */
    record Directory(Path path) implements BuildContext {
        public Directory {
            path = path.toAbsolutePath().normalize();
        }

        @Override
        public String toString() {
            return path.toString();
        }
    }

    /** @see #tar(InputStream) */
    record Tar(InputStream archive) implements BuildContext {
        @Override
        public String toString() {
            return "a tar stream";
        }
    }

    /** @see #image(String) */
    record OfImage(String name) implements BuildContext {
        @Override
        public String toString() {
            return "docker-image://" + name;
        }
    }

    /**
     * See {@link #layout(Path, String)}.
     *
     * @param layout absolute
     */
    record Layout(Path layout, String reference) implements BuildContext {
        public Layout {
            layout = layout.toAbsolutePath().normalize();
        }

        @Override
        public String toString() {
            var isDigest = reference.indexOf(':') > 0;
            return "oci-layout://" + layout + (reference.isEmpty() ? "" : (isDigest ? "@" : ":") + reference);
        }
    }

    /** @see #empty() */
    record Empty() implements BuildContext {
        @Override
        public String toString() {
            return "an empty context";
        }
    }
}
