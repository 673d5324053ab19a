package dev.cais;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What of the host the steps of a build may use. Nothing of it gets into the image or a cache.
 *
 * @param secrets by id, for {@code RUN --mount=type=secret}
 * @param ssh sockets of agents by id, for {@code RUN --mount=type=ssh}; the one that is called {@code default} is git's, too
 * @param entitlements what the Dockerfile may do beyond the usual
 */
public record BuildAccess(Map<String, BuildSecret> secrets, Map<String, Path> ssh, Set<BuildEntitlement> entitlements) {
    /** Nothing. */
    public static final BuildAccess NONE = new BuildAccess(Map.of(), Map.of(), Set.of());

    public BuildAccess {
        secrets = Collections.unmodifiableMap(new LinkedHashMap<>(secrets));
        ssh = Collections.unmodifiableMap(new LinkedHashMap<>(ssh));
        entitlements = Set.copyOf(entitlements);
    }

    BuildAccess secret(String id, BuildSecret secret) {
        return new BuildAccess(Added.to(secrets, id, secret), ssh, entitlements);
    }

    BuildAccess ssh(String id, Path socket) {
        return new BuildAccess(secrets, Added.to(ssh, id, socket.toAbsolutePath()), entitlements);
    }

    BuildAccess allow(BuildEntitlement... more) {
        return new BuildAccess(secrets, ssh, Added.to(entitlements, more));
    }
}
