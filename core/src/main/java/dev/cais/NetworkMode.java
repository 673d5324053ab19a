package dev.cais;

/** Which network a container is in. */
public enum NetworkMode {
    /** A network namespace of its own with loopback only. */
    NONE,
    /** The host's network namespace. */
    HOST
}
