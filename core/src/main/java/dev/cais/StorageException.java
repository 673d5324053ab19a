package dev.cais;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The store cannot be read or written: no space, no permission, or a file system that lacks a feature. */
public non-sealed class StorageException extends EngineException {
    private static final long serialVersionUID = 1L;

    public StorageException(String problem) {
        this(problem, Map.of(), "", null);
    }

    public StorageException(String problem, String help) {
        this(problem, Map.of(), help, null);
    }

    public StorageException(String problem, Map<String, ?> facts, String help) {
        this(problem, facts, help, null);
    }

    /** The form with everything: see {@link EngineException}. */
    public StorageException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(problem, facts, help, cause);
    }
}
