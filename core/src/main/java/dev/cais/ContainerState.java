package dev.cais;

/** Where a container stands, in Docker's words. */
public enum ContainerState {
    CREATED,
    RUNNING,
    EXITED,
    REMOVED
}
