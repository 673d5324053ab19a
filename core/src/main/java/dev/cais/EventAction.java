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
    /** A caller, or a stop, is about to send a signal: {@code signal}, its number. */
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
    /** The limits of a container have changed. */
    UPDATE,
    /** Somebody has attached to a container's streams. */
    ATTACH,
    /** Somebody has let go of them before the end of the run. */
    DETACH,
    /** A container's terminal has another size: {@code width}, {@code height}. */
    RESIZE,
    /** A program is to be executed beside a container's own: {@code execID}, {@code command}. Health checks are not told. */
    EXEC_CREATE,
    /** It has been: {@code execID}, {@code command}. */
    EXEC_START,
    /** Its caller has let go of its streams and left it running: {@code execID}, {@code command}. */
    EXEC_DETACH,
    /** It has ended: {@code execID}, {@code exitCode}, and {@code signal} if one ended it. */
    EXEC_DIE,
    /** The processes of a container were listed. */
    TOP,
    /** Something was copied out of a container: {@code path} in it. */
    ARCHIVE_PATH,
    /** Something was copied into a container: {@code path} in it. */
    EXTRACT_TO_DIR,
    /** A container's file system was written to a tar. */
    EXPORT,
    /** An image was made of a container: {@code imageID}, {@code imageRef} if it got a name, {@code comment} if there is one. */
    COMMIT,
    PULL,
    PUSH,
    LOAD,
    SAVE,
    IMPORT,
    /** An image has got a name. */
    TAG,
    /** An image has lost a name. */
    UNTAG,
    /** An image is gone. */
    DELETE,
    /** A volume is mounted in a container that starts: {@code container}, its id, and {@code destination}. */
    MOUNT,
    /** That container's run has ended: {@code container}, {@code destination}. */
    UNMOUNT,
    /** Unused images or volumes were removed, of which each was told: {@code reclaimed} bytes of images. Has no id. */
    PRUNE,
    /** A container, volume or network is gone. */
    DESTROY;

    /** As Docker writes it: {@code unpause}, {@code exec_die}, {@code archive-path}. */
    public String word() {
        var word = name().toLowerCase(Locale.ROOT);
        return this == ARCHIVE_PATH || this == EXTRACT_TO_DIR ? word.replace('_', '-') : word;
    }
}
