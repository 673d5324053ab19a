package dev.cais;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A program to run in a running container. The methods return changed copies.
 *
 * @param command program and arguments; the program is looked up in PATH
 * @param env added to the container's own
 * @param user {@code name|uid[:group|gid]}, or empty for the container's
 * @param groups supplementary ones beside the user's own, names of the container or numbers
 * @param workdir or empty for the container's
 * @param stdin bytes that the program reads, then end of file
 * @param stdinOpen its standard input is what is written to {@link Exec#stdin}; for {@link Container#startExec} only
 * @param terminal its standard streams are a terminal of its own; without {@code stdinOpen}, nobody types there
 * @param privileged it has all capabilities that this program has, and no system call filter; the container's devices stay as they
 *     are
 * @param timeout after which {@link Container#exec} kills it with all that it began; empty for none
 */
public record ExecSpec(
        List<String> command,
        Map<String, String> env,
        String user,
        List<String> groups,
        String workdir,
        byte[] stdin,
        boolean stdinOpen,
        boolean terminal,
        boolean privileged,
        Optional<Duration> timeout) {
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
        if (timeout.isPresent() && (timeout.get().isNegative() || timeout.get().isZero())) {
            throw new InvalidSpecException(
                    "cannot exec " + command.get(0) + " for " + timeout.get() + ": that is no time at all");
        }
        command = List.copyOf(command);
        groups = List.copyOf(groups);
        env = ContainerSpec.copyEnv(env);
    }

    public static ExecSpec of(String... command) {
        return new ExecSpec(
                List.of(command), Map.of(), "", List.of(), "", new byte[0], false, false, false, Optional.empty());
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

    /** Adds supplementary groups, by names of the container or numbers. */
    public ExecSpec groupAdd(String... more) {
        return with(draft -> {
            draft.groups = new ArrayList<>(groups);
            draft.groups.addAll(Arrays.asList(more));
        });
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

    /** It has all capabilities, and no system call filter. */
    public ExecSpec asPrivileged() {
        return with(draft -> draft.privileged = true);
    }

    /** It is killed after that time, with all that it began. */
    public ExecSpec timeout(Duration most) {
        return with(draft -> draft.timeout = Optional.of(most));
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
        private List<String> groups;
        private String workdir;
        private byte[] stdin;
        private boolean stdinOpen;
        private boolean terminal;
        private boolean privileged;
        private Optional<Duration> timeout;

        private Draft(ExecSpec base) {
            command = base.command;
            env = base.env;
            user = base.user;
            groups = base.groups;
            workdir = base.workdir;
            stdin = base.stdin;
            stdinOpen = base.stdinOpen;
            terminal = base.terminal;
            privileged = base.privileged;
            timeout = base.timeout;
        }

        private ExecSpec spec() {
            return new ExecSpec(command, env, user, groups, workdir, stdin, stdinOpen, terminal, privileged, timeout);
        }
    }
}
