package dev.cais;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How to make an image of a container. The methods return changed copies; what is said of the configuration stands in place of the
 * container's own, which stands in place of its image's.
 *
 * @param author for the image, or empty
 * @param message for its history, or empty
 * @param pause whether the processes of a running container stand still meanwhile
 * @param entrypoint if present, the command is dropped unless it is given, too
 * @param env over the container's
 * @param user empty for the container's, as are {@code workdir} and {@code stopSignal}
 * @param exposedPorts beside those that there are, as {@code 80/tcp}
 * @param volumes paths, likewise
 * @param labels over the container's
 */
public record CommitOptions(
        String author,
        String message,
        boolean pause,
        Optional<List<String>> entrypoint,
        Optional<List<String>> command,
        Map<String, String> env,
        String user,
        String workdir,
        String stopSignal,
        List<String> exposedPorts,
        List<String> volumes,
        Map<String, String> labels) {
    /** Processes stand still; nothing is changed. */
    public static final CommitOptions DEFAULT = new CommitOptions(
            "", "", true, Optional.empty(), Optional.empty(), Map.of(), "", "", "", List.of(), List.of(), Map.of());

    public CommitOptions {
        entrypoint = entrypoint.map(List::copyOf);
        command = command.map(List::copyOf);
        env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
        exposedPorts = List.copyOf(exposedPorts);
        volumes = List.copyOf(volumes);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        for (var port : exposedPorts) {
            if (!port.matches("[0-9]{1,5}/(tcp|udp|sctp)")) {
                throw new InvalidSpecException("cannot expose port " + port + ": it is not written as 80/tcp");
            }
        }
    }

    public CommitOptions author(String changed) {
        return new CommitOptions(
                changed,
                message,
                pause,
                entrypoint,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions message(String changed) {
        return new CommitOptions(
                author,
                changed,
                pause,
                entrypoint,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    /** The processes go on: what they write meanwhile may be in the image by halves. */
    public CommitOptions withoutPause() {
        return new CommitOptions(
                author,
                message,
                false,
                entrypoint,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions entrypoint(String... arguments) {
        var changed = Optional.of(Arrays.asList(arguments));
        return new CommitOptions(
                author,
                message,
                pause,
                changed,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions command(String... arguments) {
        var changed = Optional.of(Arrays.asList(arguments));
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                changed,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions env(String key, String value) {
        var changed = with(env, key, value);
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                changed,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions user(String changed) {
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                env,
                changed,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions workdir(String changed) {
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                env,
                user,
                changed,
                stopSignal,
                exposedPorts,
                volumes,
                labels);
    }

    public CommitOptions stopSignal(String changed) {
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                env,
                user,
                workdir,
                changed,
                exposedPorts,
                volumes,
                labels);
    }

    /** @param port as {@code 80/tcp} */
    public CommitOptions expose(String port) {
        var changed = with(exposedPorts, port);
        return new CommitOptions(
                author, message, pause, entrypoint, command, env, user, workdir, stopSignal, changed, volumes, labels);
    }

    public CommitOptions volume(String path) {
        var changed = with(volumes, path);
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                changed,
                labels);
    }

    public CommitOptions label(String key, String value) {
        var changed = with(labels, key, value);
        return new CommitOptions(
                author,
                message,
                pause,
                entrypoint,
                command,
                env,
                user,
                workdir,
                stopSignal,
                exposedPorts,
                volumes,
                changed);
    }

    private static Map<String, String> with(Map<String, String> map, String key, String value) {
        var changed = new LinkedHashMap<>(map);
        changed.put(key, value);
        return changed;
    }

    private static List<String> with(List<String> list, String value) {
        var changed = new ArrayList<>(list);
        if (!changed.contains(value)) {
            changed.add(value);
        }
        return changed;
    }
}
