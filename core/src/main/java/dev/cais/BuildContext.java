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

    /** @see #empty() */
    record Empty() implements BuildContext {
        @Override
        public String toString() {
            return "an empty context";
        }
    }
}
