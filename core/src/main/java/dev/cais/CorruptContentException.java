package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Content from outside (an archive, a layer, a manifest) is broken, hostile or not what its digest says. */
public non-sealed class CorruptContentException extends EngineException {
    private static final long serialVersionUID = 1L;

    public CorruptContentException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public CorruptContentException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public CorruptContentException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public CorruptContentException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
