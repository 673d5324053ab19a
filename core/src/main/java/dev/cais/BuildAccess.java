package dev.cais;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * What of the host the steps of a build may use. Nothing of it gets into the image or a cache.
 *
 * @param secrets by id, for {@code RUN --mount=type=secret}. {@code GIT_AUTH_TOKEN} and {@code GIT_AUTH_HEADER} are for servers that git
 *     fetches from by http or https, too: a password, and what {@code Authorization} says; before them {@code GIT_AUTH_TOKEN.host} and {@code
 *     GIT_AUTH_HEADER.host}, with the port if the address has one, which other servers do not see. {@code HTTP_AUTH_HEADER_host} and {@code
 *     HTTP_AUTH_TOKEN_host}, a bearer's, are so for files of the web
 * @param ssh agents by id, the socket of one or the files of its keys, for {@code RUN --mount=type=ssh}; the one that is called {@code default} is git's, too
 * @param knownHosts the file of the host keys that ssh believes when git fetches by it, and no others; if it is not given, those that this
 *     user and the host know
 * @param entitlements what the Dockerfile may do beyond the usual
 * @param devices of the Container Device Interface that it may use: {@code vendor.com/class=name}, or {@code vendor.com/class} for all of
 *     that kind
 */
public record BuildAccess(
        Map<String, BuildSecret> secrets,
        Map<String, List<Path>> ssh,
        Optional<Path> knownHosts,
        Set<BuildEntitlement> entitlements,
        Set<String> devices) {
    private static final Pattern DEVICE = Pattern.compile("[^/=\\s]+/[^/=\\s]+(=[^/=\\s]+)?");

    /** Nothing. */
    public static final BuildAccess NONE = new BuildAccess(Map.of(), Map.of(), Optional.empty(), Set.of(), Set.of());

    public BuildAccess {
        secrets = Collections.unmodifiableMap(new LinkedHashMap<>(secrets));
        var agents = new LinkedHashMap<String, List<Path>>();
        ssh.forEach((id, paths) ->
                agents.put(id, paths.stream().map(Path::toAbsolutePath).toList()));
        agents.forEach((id, paths) -> {
            if (paths.isEmpty()) {
                throw new InvalidSpecException(
                        "cannot build with ssh agent " + id.replaceAll("\\p{Cntrl}", "?")
                                + ": it has no keys and no socket",
                        "give what SSH_AUTH_SOCK says, or files of private keys");
            }
        });
        ssh = Collections.unmodifiableMap(agents);
        knownHosts = knownHosts.map(Path::toAbsolutePath);
        entitlements = Set.copyOf(entitlements);
        devices = Set.copyOf(devices);
        if (secrets.containsKey("") || ssh.containsKey("")) {
            throw new InvalidSpecException("cannot build with a secret or an ssh agent: its id is empty");
        }
        for (var device : devices) {
            if (!DEVICE.matcher(device).matches()) {
                throw new InvalidSpecException(
                        "cannot allow device " + device + ": it is no name of one",
                        "write vendor.com/class=name, or vendor.com/class");
            }
        }
    }

    BuildAccess secret(String id, BuildSecret secret) {
        return new BuildAccess(Added.to(secrets, id, secret), ssh, knownHosts, entitlements, devices);
    }

    BuildAccess ssh(String id, Path... paths) {
        return new BuildAccess(secrets, Added.to(ssh, id, List.of(paths)), knownHosts, entitlements, devices);
    }

    BuildAccess knownHosts(Path file) {
        return new BuildAccess(secrets, ssh, Optional.of(file), entitlements, devices);
    }

    BuildAccess allow(BuildEntitlement... more) {
        return new BuildAccess(secrets, ssh, knownHosts, Added.to(entitlements, more), devices);
    }

    BuildAccess allowDevice(String... more) {
        return new BuildAccess(secrets, ssh, knownHosts, entitlements, Added.to(devices, more));
    }
}
