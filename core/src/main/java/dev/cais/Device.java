package dev.cais;

import java.util.regex.Pattern;

/**
 * A device node of the host in a container, as {@code --device host:container:rwm}.
 *
 * @param hostPath of a character or block device
 * @param containerPath absolute
 * @param permissions of {@code r} read, {@code w} write, {@code m} make the node; each at most once
 */
public record Device(String hostPath, String containerPath, String permissions) {
    private static final Pattern PERMISSIONS = Pattern.compile("(?!.*(.).*\\1)[rwm]{1,3}");

    public Device {
        if (!hostPath.startsWith("/") || !containerPath.startsWith("/")) {
            throw new InvalidSpecException(
                    "cannot give device " + hostPath + " as " + containerPath + ": a path is not absolute");
        }
        if (!PERMISSIONS.matcher(permissions).matches()) {
            throw new InvalidSpecException("cannot give device " + hostPath + " with permissions '" + permissions
                    + "': they are letters of rwm, each once");
        }
    }

    /** With all permissions, at the same path. */
    public static Device of(String path) {
        return new Device(path, path, "rwm");
    }
}
