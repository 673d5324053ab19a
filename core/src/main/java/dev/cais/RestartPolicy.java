package dev.cais;

/**
 * Whether a container that ended starts again, while its engine is open. Between two starts it waits 100 ms, then each time twice as long
 * up to a minute; ten seconds of running make it 100 ms again. A container that was stopped or killed by {@code stop()} stays.
 *
 * @param maximumRetries of {@link Kind#ON_FAILURE}; 0 for no limit
 */
public record RestartPolicy(Kind kind, int maximumRetries) {
    public static final RestartPolicy NO = new RestartPolicy(Kind.NO, 0);
    public static final RestartPolicy ALWAYS = new RestartPolicy(Kind.ALWAYS, 0);
    public static final RestartPolicy UNLESS_STOPPED = new RestartPolicy(Kind.UNLESS_STOPPED, 0);

    /** As Docker's. */
    public enum Kind {
        NO,
        ALWAYS,
        ON_FAILURE,
        UNLESS_STOPPED
    }

    public RestartPolicy {
        if (maximumRetries < 0 || (maximumRetries > 0 && kind != Kind.ON_FAILURE)) {
            throw new InvalidSpecException("cannot restart " + kind + " at most " + maximumRetries
                    + " times: only on-failure has a number, and it is not negative");
        }
    }

    /**
     * After an exit code other than 0.
     *
     * @param maximumRetries 0 for no limit
     */
    public static RestartPolicy onFailure(int maximumRetries) {
        return new RestartPolicy(Kind.ON_FAILURE, maximumRetries);
    }
}
