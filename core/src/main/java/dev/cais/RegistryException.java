package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A registry could not be reached, refused, or answered something that it must not. */
public non-sealed class RegistryException extends EngineException {
    private static final long serialVersionUID = 1L;

    public RegistryException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public RegistryException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public RegistryException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public RegistryException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
