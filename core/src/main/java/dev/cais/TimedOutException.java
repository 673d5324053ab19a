package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Something did not happen within the time given to it. */
public non-sealed class TimedOutException extends EngineException {
    private static final long serialVersionUID = 1L;

    public TimedOutException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public TimedOutException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public TimedOutException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public TimedOutException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
