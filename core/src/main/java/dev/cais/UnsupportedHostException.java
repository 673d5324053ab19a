package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** This host lacks something that was asked for. */
public non-sealed class UnsupportedHostException extends EngineException {
    private static final long serialVersionUID = 1L;

    public UnsupportedHostException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public UnsupportedHostException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public UnsupportedHostException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public UnsupportedHostException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
