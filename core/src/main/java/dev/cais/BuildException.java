package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** An image build failed. */
public non-sealed class BuildException extends EngineException {
    private static final long serialVersionUID = 1L;

    private final String excerpt;

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
        this(problem, facts, help, cause, "");
    }

    /** The same with the lines of a Dockerfile or {@code .dockerignore} that are to blame, which the message ends with. */
    public BuildException(
            String problem, Map<String, ?> facts, String help, @Nullable Throwable cause, String excerpt) {
        super(problem, facts, help, cause);
        this.excerpt = excerpt;
    }

    /** Lines of the Dockerfile or {@code .dockerignore} with their numbers, those that are to blame marked with {@code >}; empty if it is none of them. */
    public String excerpt() {
        return excerpt;
    }

    /** The sentence, and below it the excerpt. */
    @Override
    public @Nullable String getMessage() {
        return excerpt.isEmpty() ? super.getMessage() : super.getMessage() + "\n" + excerpt;
    }
}
