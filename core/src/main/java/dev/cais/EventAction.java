package dev.cais;

import java.util.Locale;

/** What has happened, in Docker's words. Attributes are named beside those that have more than name, image and labels. */
public enum EventAction {
    CREATE,
    START,
    /** A container's first process has ended: {@code exitCode}, and {@code signal} if one ended it. */
    DIE,
    /** The kernel killed something in a container for want of memory; told with the end of the container. */
    OOM,
    /** A caller has sent a signal: {@code signal}, its number. */
    KILL,
    STOP,
    RESTART,
    PAUSE,
    UNPAUSE,
    /** {@code oldName}. */
    RENAME,
    /** The health of a container has changed: {@code health}, as {@link Health.Status#word} has it. */
    HEALTH_STATUS,
    /** A container has joined a network: {@code container}, its id. */
    CONNECT,
    /** It has left it: {@code container}. */
    DISCONNECT,
    /** It is gone. */
    DESTROY;

    /** As Docker writes it: {@code unpause}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
