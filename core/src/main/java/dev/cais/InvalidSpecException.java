package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the caller asked for is malformed or contradicts itself; nothing was done. */
public non-sealed class InvalidSpecException extends EngineException {
    private static final long serialVersionUID = 1L;

    public InvalidSpecException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public InvalidSpecException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public InvalidSpecException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public InvalidSpecException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
