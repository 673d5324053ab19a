package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A container ended while something was expected of it. */
public non-sealed class ContainerExitedException extends EngineException {
    private static final long serialVersionUID = 1L;

    public ContainerExitedException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public ContainerExitedException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public ContainerExitedException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public ContainerExitedException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
