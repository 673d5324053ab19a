package dev.cais;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Where a build finds what other builds have made, or leaves it for them, on this machine or on others. It has the form that BuildKit's
 * caches have, with keys of Cais's own: what another tool left there is read, and never matches. Who
 * writes last has the place, so each tool needs one of its own.
 *
 * <p>Whoever writes a cache decides what images of builds that read it contain. Only layers that a build needs are fetched; a cache that is
 * not there, cannot be reached or is broken makes a build slower and nothing else.
 *
 * @see <a href="https://docs.docker.com/build/cache/backends/">Docker, Cache storage backends</a>
 */
public sealed interface BuildCache {
    /** What a cache has. */
    enum Mode {
        /** Layers that are in the image; of the other steps only that their outcome is known. */
        MIN,
        /** Layers of all steps. */
        MAX
    }

    /** In the image. */
    record Inline() implements BuildCache {
        @Override
        public String toString() {
            return "inline";
        }
    }

    /**
     * A directory of this host, an OCI layout. Others may be in it; nothing is removed.
     *
     * @param path absolute
     */
    record Directory(Path path, Mode mode) implements BuildCache {
        public Directory {
            path = path.toAbsolutePath().normalize();
        }

        /** With all steps. */
        public Directory max() {
            return new Directory(path, Mode.MAX);
        }

        @Override
        public String toString() {
            return "directory " + path;
        }
    }

    /**
     * A tag of a registry. To read, also that of an image that was built with {@link #inline()}.
     *
     * @param name as in {@code ghcr.io/a/b:cache}
     * @param credentials for this cache alone; empty for those of the engine or of configuration files
     */
    record Registry(String name, Mode mode, Optional<Credentials> credentials) implements BuildCache {
        /** With all steps. */
        public Registry max() {
            return new Registry(name, Mode.MAX, credentials);
        }

        public Registry credentials(Credentials changed) {
            return new Registry(name, mode, Optional.of(changed));
        }

        @Override
        public String toString() {
            return "registry " + name;
        }
    }

    /** In the configuration of the image, for {@link BuildSpec#cacheTo} alone: {@link #registry} reads it when the image was pushed. */
    static BuildCache inline() {
        return new Inline();
    }

    /** In {@link Mode#MIN}. */
    static Directory directory(Path path) {
        return new Directory(path, Mode.MIN);
    }

    /** In {@link Mode#MIN}. */
    static Registry registry(String name) {
        return new Registry(name, Mode.MIN, Optional.empty());
    }
}
