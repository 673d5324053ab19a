package dev.cais.runtime.build;

import dev.cais.BuildCache;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Truth;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Arguments of a build that are for the builder, and not for the Dockerfile.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/#buildkit-built-in-build-args">Dockerfile reference, BuildKit built-in build
 *     args</a>
 */
record BuiltInArguments(Map<String, String> given) {
    private static final String MULTI_PLATFORM = "BUILDKIT_MULTI_PLATFORM";

    static BuiltInArguments of(BuildSpec spec) {
        return new BuiltInArguments(spec.args());
    }

    /** {@code BUILDKIT_CONTEXT_KEEP_GIT_DIR}. */
    boolean keepsGitData() {
        return flag("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    }

    /** {@code BUILDKIT_SYNTAX}: the language, whatever the file says; empty for that. */
    String syntax() {
        return given.getOrDefault("BUILDKIT_SYNTAX", "");
    }

    /** {@code BUILDKIT_GIT_ADVICE}: whether git gives hints where it fails. */
    boolean showsGitAdvice() {
        return flag("BUILDKIT_GIT_ADVICE");
    }

    /** {@code BUILDKIT_MULTI_PLATFORM}: whether the result is what that of several platforms is. */
    boolean splits(List<Platform> platforms) {
        var isSaid = !given.getOrDefault(MULTI_PLATFORM, "").isEmpty();
        if (isSaid && !flag(MULTI_PLATFORM) && platforms.size() > 1) {
            throw new InvalidSpecException("cannot build with argument " + MULTI_PLATFORM
                    + ": it is false, and there are " + platforms.size() + " platforms");
        }
        return platforms.size() > 1 || flag(MULTI_PLATFORM);
    }

    /** {@code BUILDKIT_SANDBOX_HOSTNAME}: what programs see as this host's name, the same each time. */
    String hostname() {
        return given.getOrDefault("BUILDKIT_SANDBOX_HOSTNAME", "buildkitsandbox");
    }

    /** {@code BUILDKIT_CACHE_MOUNT_NS}: caches of the same id in other namespaces are others. */
    String cacheId(String id) {
        var namespace = given.getOrDefault("BUILDKIT_CACHE_MOUNT_NS", "");
        return namespace.isEmpty() ? id : namespace + "/" + id;
    }

    /** {@code BUILDKIT_INLINE_CACHE}: where caches go besides. */
    List<BuildCache> withInline(List<BuildCache> to) {
        if (!flag("BUILDKIT_INLINE_CACHE") || to.contains(BuildCache.inline())) {
            return to;
        }
        var all = new ArrayList<>(to);
        all.add(BuildCache.inline());
        return all;
    }

    private boolean flag(String name) {
        var value = given.getOrDefault(name, "");
        return !value.isEmpty()
                && Truth.parse(value)
                        .orElseThrow(() -> new InvalidSpecException("cannot build with argument " + name
                                + ": it is true or false, not " + Shown.text(value)));
    }
}
