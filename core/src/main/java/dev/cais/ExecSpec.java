package dev.cais;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A program to run in a running container. The methods return changed copies.
 *
 * @param command program and arguments; the program is looked up in PATH
 * @param env added to the container's own
 * @param user {@code name|uid[:group|gid]}, or empty for the container's
 * @param workdir or empty for the container's
 * @param stdin bytes that the program reads, then end of file
 * @param stdinOpen its standard input is what is written to {@link Exec#stdin}; for {@link Container#startExec} only
 * @param terminal its standard streams are a terminal of its own; without {@code stdinOpen}, nobody types there
 */
public record ExecSpec(
        List<String> command,
        Map<String, String> env,
        String user,
        String workdir,
        byte[] stdin,
        boolean stdinOpen,
        boolean terminal) {
    public ExecSpec {
        if (command.isEmpty() || command.get(0).isEmpty()) {
            throw new InvalidSpecException("cannot exec nothing: the command is empty", "name a program");
        }
        if (stdin.length > 0 && (stdinOpen || terminal)) {
            throw new InvalidSpecException(
                    "cannot exec " + command.get(0)
                            + ": its standard input is either given beforehand or open or a terminal",
                    "say openStdin(), start it with startExec, and write to its stdin()");
        }
        command = List.copyOf(command);
        env = ContainerSpec.copyEnv(env);
    }

    public static ExecSpec of(String... command) {
        return new ExecSpec(List.of(command), Map.of(), "", "", new byte[0], false, false);
    }

    public ExecSpec env(String name, String value) {
        return with(draft -> {
            draft.env = new LinkedHashMap<>(env);
            draft.env.put(name, value);
        });
    }

    public ExecSpec user(String changed) {
        return with(draft -> draft.user = changed);
    }

    public ExecSpec workdir(String changed) {
        return with(draft -> draft.workdir = changed);
    }

    /** Text for its standard input, in UTF-8. */
    public ExecSpec stdin(String text) {
        return stdin(text.getBytes(StandardCharsets.UTF_8));
    }

    public ExecSpec stdin(byte[] bytes) {
        return with(draft -> draft.stdin = bytes.clone());
    }

    /** Its standard input is what is written to {@link Exec#stdin}, until that is closed. */
    public ExecSpec openStdin() {
        return with(draft -> draft.stdinOpen = true);
    }

    /** Its standard streams are a terminal of its own. */
    public ExecSpec tty() {
        return with(draft -> draft.terminal = true);
    }

    private ExecSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.spec();
    }

    /** A copy whose fields can be changed one at a time. */
    private static final class Draft {
        private final List<String> command;
        private Map<String, String> env;
        private String user;
        private String workdir;
        private byte[] stdin;
        private boolean stdinOpen;
        private boolean terminal;

        private Draft(ExecSpec base) {
            command = base.command;
            env = base.env;
            user = base.user;
            workdir = base.workdir;
            stdin = base.stdin;
            stdinOpen = base.stdinOpen;
            terminal = base.terminal;
        }

        private ExecSpec spec() {
            return new ExecSpec(command, env, user, workdir, stdin, stdinOpen, terminal);
        }
    }
}
