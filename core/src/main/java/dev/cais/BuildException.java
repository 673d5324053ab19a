package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An image build failed. */
public non-sealed class BuildException extends EngineException {
    private static final long serialVersionUID = 1L;

    public BuildException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public BuildException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public BuildException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public BuildException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
