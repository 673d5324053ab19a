package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The calling thread was interrupted; what the call began is undone and the interrupt flag is set. */
public non-sealed class CancelledException extends EngineException {
    private static final long serialVersionUID = 1L;

    public CancelledException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public CancelledException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public CancelledException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public CancelledException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
