package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The thing is in use, its name is taken, or its state does not allow what was asked. */
public non-sealed class ConflictException extends EngineException {
    private static final long serialVersionUID = 1L;

    public ConflictException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public ConflictException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public ConflictException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public ConflictException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
