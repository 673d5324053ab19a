package dev.cais;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A container ended while something was expected of it. */
public non-sealed class ContainerExitedException extends EngineException {
    private static final long serialVersionUID = 1L;

    private final transient Optional<ExitStatus> exitStatus;
    private final transient List<String> lastLines;

    /** One of which nobody knows how it ended. */
    public ContainerExitedException(String problem, String help) {
        super(problem, Map.of(), help, null);
        this.exitStatus = Optional.empty();
        this.lastLines = List.of();
    }

    /**
     * @param problem as in {@link EngineException}
     * @param lastLines that it has written, oldest first; empty if there are none or they cannot be had
     */
    public ContainerExitedException(
            String problem, ExitStatus exitStatus, List<String> lastLines, @Nullable Throwable cause) {
        super(problem, facts(exitStatus, lastLines), "", cause);
        this.exitStatus = Optional.of(exitStatus);
        this.lastLines = List.copyOf(lastLines);
    }

    private static Map<String, Object> facts(ExitStatus exitStatus, List<String> lastLines) {
        var facts = new LinkedHashMap<String, Object>();
        facts.put("exitCode", exitStatus.exitCode());
        exitStatus.signal().ifPresent(signal -> facts.put("signal", signal));
        facts.put("oomKilled", exitStatus.oomKilled());
        facts.put("log", lastLines);
        return facts;
    }

    /** How it ended: exit code, signal, and whether memory ran out; empty if nobody knows. */
    public Optional<ExitStatus> exitStatus() {
        return exitStatus;
    }

    /** The last lines that it has written, oldest first. */
    public List<String> lastLines() {
        return lastLines;
    }
}
