package dev.cais;

import java.util.Locale;

/** Where a container stands, in Docker's words. */
public enum ContainerState {
    /** Has files and a name, and has never run. */
    CREATED,
    RUNNING,
    /** Its processes stand still. */
    PAUSED,
    /** Has ended, and its restart policy will start it again. */
    RESTARTING,
    /** Has run, and may run again. */
    EXITED,
    /** Its files are being removed. */
    REMOVING,
    /** Gone; only the object is left. */
    REMOVED,
    /** Its removal failed; it can be tried again. */
    DEAD;

    /** As Docker shows it: {@code running}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
