package dev.cais;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
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

    /**
     * The cache that GitHub Actions keeps for a repository, {@code type=gha}, or another server of version 2 of its protocol.
     *
     * @param url of the service: {@code ACTIONS_RESULTS_URL}; http or https, without user, query and fragment
     * @param token shown to the service and to nobody else, {@code ACTIONS_RUNTIME_TOKEN}; a JWT, which says what may be read and
     *     written for it
     * @param scope of several caches of a repository, which one; {@code buildkit} by default. A build that leaves something there
     *     replaces what is known of earlier ones
     * @param timeout for what the cache knows to be read or written, and for each layer; ten minutes by default
     * @param ignoreError whether a build succeeds when its cache cannot be written; that is told as a {@link BuildEvent.CacheUnusable}
     */
    record GitHubActions(URI url, String token, String scope, Mode mode, Duration timeout, boolean ignoreError)
            implements BuildCache {
        private static final int LONGEST_SCOPE = 256;
        private static final int LONGEST_TOKEN = 16 * 1024;

        /** @throws InvalidSpecException if one of these is not what it must be; it shows neither URL nor token */
        public GitHubActions {
            var scheme = String.valueOf(url.getScheme());
            if (url.getHost() == null
                    || !(scheme.equals("https") || scheme.equals("http"))
                    || url.getRawUserInfo() != null
                    || url.getRawQuery() != null
                    || url.getRawFragment() != null) {
                throw new InvalidSpecException(
                        "cannot use the build cache in GitHub Actions: the URL of its service is none of http or https,"
                                + " or has a user, a query or a fragment",
                        "write https://host/ and perhaps a path");
            }
            if (token.isEmpty()
                    || token.length() > LONGEST_TOKEN
                    || token.chars().anyMatch(letter -> letter <= ' ' || letter >= 0x7f)) {
                throw new InvalidSpecException(
                        "cannot use the build cache in GitHub Actions: the token is empty, or has"
                                + " more than 16 KiB, or a space or control character");
            }
            if (scope.isEmpty()
                    || scope.length() > LONGEST_SCOPE
                    || scope.chars().anyMatch(letter -> letter < ' ' || letter == ',' || letter >= 0x7f)) {
                throw new InvalidSpecException(
                        "cannot use the build cache in GitHub Actions: its scope is empty, or has more than 256"
                                + " characters, or a comma, a control character or one that is not of ASCII");
            }
            if (timeout.isZero() || timeout.isNegative()) {
                throw new InvalidSpecException(
                        "cannot use the build cache in GitHub Actions: its timeout is not positive");
            }
        }

        /** With all steps. */
        public GitHubActions max() {
            return new GitHubActions(url, token, scope, Mode.MAX, timeout, ignoreError);
        }

        public GitHubActions scope(String changed) {
            return new GitHubActions(url, token, changed, mode, timeout, ignoreError);
        }

        public GitHubActions timeout(Duration changed) {
            return new GitHubActions(url, token, scope, mode, changed, ignoreError);
        }

        public GitHubActions ignoreError(boolean changed) {
            return new GitHubActions(url, token, scope, mode, timeout, changed);
        }

        /** Without the token. */
        @Override
        public String toString() {
            return "GitHub Actions, scope " + scope;
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

    /**
     * In {@link Mode#MIN}, in the scope {@code buildkit}.
     *
     * @param url of a service that speaks version 2 of the protocol
     */
    static GitHubActions gitHubActions(URI url, String token) {
        return new GitHubActions(url, token, "buildkit", Mode.MIN, Duration.ofMinutes(10), false);
    }

    /**
     * The same where the environment of this JVM says, as it is now: {@code ACTIONS_RESULTS_URL} and {@code ACTIONS_RUNTIME_TOKEN}. A
     * runner gives them to actions; a step with {@code run} has them if an action passes them on.
     *
     * @throws InvalidSpecException if they are not there, or if {@code ACTIONS_CACHE_SERVICE_V2} or what is there says that only
     *     version 1 is spoken, which GitHub has switched off
     */
    static GitHubActions gitHubActions() {
        return ActionsEnvironment.read(System.getenv());
    }
}
