package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A named image, container, file or program does not exist. */
public non-sealed class NotFoundException extends EngineException {
    private static final long serialVersionUID = 1L;

    public NotFoundException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public NotFoundException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public NotFoundException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public NotFoundException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
