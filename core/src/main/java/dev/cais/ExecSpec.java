package dev.cais;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A program to run in a running container. The methods return changed copies.
 *
 * @param command program and arguments; the program is looked up in PATH
 * @param env added to the container's own
 * @param user {@code name|uid[:group|gid]}, or empty for the container's
 * @param workdir or empty for the container's
 * @param stdin bytes that the program reads, then end of file
 */
public record ExecSpec(List<String> command, Map<String, String> env, String user, String workdir, byte[] stdin) {
    public ExecSpec {
        if (command.isEmpty() || command.get(0).isEmpty()) {
            throw new InvalidSpecException("cannot exec nothing: the command is empty", "name a program");
        }
        command = List.copyOf(command);
        env = ContainerSpec.copyEnv(env);
    }

    public static ExecSpec of(String... command) {
        return new ExecSpec(List.of(command), Map.of(), "", "", new byte[0]);
    }

    public ExecSpec env(String name, String value) {
        var more = new LinkedHashMap<>(env);
        more.put(name, value);
        return new ExecSpec(command, more, user, workdir, stdin);
    }

    public ExecSpec user(String changed) {
        return new ExecSpec(command, env, changed, workdir, stdin);
    }

    public ExecSpec workdir(String changed) {
        return new ExecSpec(command, env, user, changed, stdin);
    }

    /** Text for its standard input, in UTF-8. */
    public ExecSpec stdin(String text) {
        return stdin(text.getBytes(StandardCharsets.UTF_8));
    }

    public ExecSpec stdin(byte[] bytes) {
        return new ExecSpec(command, env, user, workdir, bytes.clone());
    }

    /** The command as it would be typed. */
    String commandLine() {
        return String.join(" ", new ArrayList<>(command));
    }
}
