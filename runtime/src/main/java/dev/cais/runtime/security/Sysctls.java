package dev.cais.runtime.security;

import dev.cais.InvalidSpecException;
import java.util.Set;

/**
 * Which sysctls a container may set: those that its own namespaces hold, so that nothing outside changes.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/ipc_namespaces.7.html">ipc_namespaces(7)</a>
 * @see <a href="https://man7.org/linux/man-pages/man7/network_namespaces.7.html">network_namespaces(7)</a>
 */
public final class Sysctls {
    private static final Set<String> IPC = Set.of(
            "kernel.msgmax",
            "kernel.msgmnb",
            "kernel.msgmni",
            "kernel.sem",
            "kernel.shmall",
            "kernel.shmmax",
            "kernel.shmmni",
            "kernel.shm_rmid_forced");

    private Sysctls() {}

    /**
     * The file below /proc/sys of a sysctl that may be set.
     *
     * @param key with dots, or with slashes where a part has a dot of its own
     * @param ownNetwork whether the container has a network namespace of its own
     * @param ownIpc whether it has an IPC namespace of its own
     * @return as {@code net/ipv4/ip_forward}
     * @throws InvalidSpecException if it is not one of a namespace, or the container shares that namespace with the host
     */
    public static String file(String key, boolean ownNetwork, boolean ownIpc) {
        // Like sysctl(8): the first separator says which form it is; a dot in a part stands as a slash in the dotted
        // form.
        var dotted = key.indexOf('/') < 0 || key.indexOf('.') >= 0 && key.indexOf('.') < key.indexOf('/');
        var path = dotted ? swapSeparators(key) : key;
        for (var part : path.split("/", -1)) {
            if (part.isEmpty() || part.equals(".") || part.equals("..") || part.indexOf('\0') >= 0) {
                throw new InvalidSpecException("cannot set sysctl '" + key.replace('\0', '?')
                        + "': it is not names joined by dots, as net.ipv4.ip_forward");
            }
        }
        var name = path.replace('/', '.');
        if (name.equals("kernel.hostname")) {
            throw new InvalidSpecException(
                    "cannot set sysctl kernel.hostname: the host name has a field of its own", "use hostname(…)");
        }
        if (name.equals("kernel.domainname")) {
            throw new InvalidSpecException(
                    "cannot set sysctl kernel.domainname: the kernel does not confine writing it to the container");
        }
        if (name.startsWith("net.")) {
            return owned(key, path, ownNetwork, "network");
        }
        if (IPC.contains(name) || name.startsWith("fs.mqueue.")) {
            return owned(key, path, ownIpc, "IPC");
        }
        throw new InvalidSpecException(
                "cannot set sysctl " + key + ": it belongs to the whole host, not to a namespace",
                "net.*, fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* can be set");
    }

    private static String owned(String key, String path, boolean own, String namespace) {
        if (!own) {
            throw new InvalidSpecException(
                    "cannot set sysctl " + key + ": the container shares the host's " + namespace + " namespace");
        }
        return path;
    }

    private static String swapSeparators(String key) {
        var path = new StringBuilder(key);
        for (var i = 0; i < path.length(); i++) {
            var character = path.charAt(i);
            if (character == '.') {
                path.setCharAt(i, '/');
            } else if (character == '/') {
                path.setCharAt(i, '.');
            }
        }
        return path.toString();
    }
}
