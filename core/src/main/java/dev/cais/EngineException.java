package dev.cais;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What Cais throws: a closed list of kinds, each message one sentence of the form <i>cannot do what to which thing: why
 * [facts]; what helps</i>.
 *
 * <p>The parts are kept as fields, so that callers need not read the text.
 */
public abstract sealed class EngineException extends RuntimeException
        permits InvalidSpecException,
                NotFoundException,
                ConflictException,
                CorruptContentException,
                BuildException,
                RegistryException,
                StorageException,
                ContainerExitedException,
                TimedOutException,
                CancelledException,
                UnsupportedHostException,
                KernelException {
    private static final long serialVersionUID = 1L;

    private final String problem;
    private final transient Map<String, Object> facts;
    private final String help;

    /**
     * @param problem what could not be done, to which thing, and why, without a full stop
     * @param facts names and values that explain it, in the order to show them
     * @param help what the reader can do about it; empty if nothing is known to help
     */
    protected EngineException(String problem, Map<String, ?> facts, String help, @Nullable Throwable cause) {
        super(sentence(problem, facts, help), cause);
        this.problem = OneLine.of(problem);
        this.facts = Collections.unmodifiableMap(new LinkedHashMap<>(facts));
        this.help = help;
    }

    /** What could not be done, to which thing, and why: the message without facts and help. */
    public String problem() {
        return problem;
    }

    /** The facts in square brackets, by name, in their order. */
    public Map<String, Object> facts() {
        return facts;
    }

    /** What helps; empty if nothing is known to. */
    public String help() {
        return help;
    }

    private static String sentence(String problem, Map<String, ?> facts, String help) {
        var text = new StringBuilder(problem);
        if (!facts.isEmpty()) {
            var shown = new LinkedHashMap<String, Object>(facts).toString();
            text.append(" [").append(shown, 1, shown.length() - 1).append(']');
        }
        if (!help.isEmpty()) {
            text.append("; ").append(help);
        }
        return OneLine.of(text.toString());
    }
}
