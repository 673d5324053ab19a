package dev.cais;

/** What to wait for, in Docker's words. */
public enum WaitCondition {
    /** It does not run, and its restart policy is not about to start it. Met at once by a container that was never started. */
    NOT_RUNNING,
    /** The end of the run that is going on or, if none is, of the next one. */
    NEXT_EXIT,
    /** It has been removed. */
    REMOVED
}
