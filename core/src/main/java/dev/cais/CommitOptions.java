package dev.cais;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * How to make an image of a container, or of a root file system's tar. The methods return changed copies; what is said of the
 * configuration stands in place of the container's own, which stands in place of its image's. A tar has none.
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
 * @param changes instructions as a Dockerfile has them, carried out last and in order: see {@link #change}
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
        Map<String, String> labels,
        List<String> changes) {
    /** Processes stand still; nothing is changed. */
    public static final CommitOptions DEFAULT = new CommitOptions(
            "",
            "",
            true,
            Optional.empty(),
            Optional.empty(),
            Map.of(),
            "",
            "",
            "",
            List.of(),
            List.of(),
            Map.of(),
            List.of());

    public CommitOptions {
        entrypoint = entrypoint.map(List::copyOf);
        command = command.map(List::copyOf);
        env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
        exposedPorts = List.copyOf(exposedPorts);
        volumes = List.copyOf(volumes);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        changes = List.copyOf(changes);
        for (var port : exposedPorts) {
            if (!port.matches("[0-9]{1,5}/(tcp|udp|sctp)")) {
                throw new InvalidSpecException("cannot expose port " + port + ": it is not written as 80/tcp");
            }
        }
    }

    public CommitOptions author(String changed) {
        return with(draft -> draft.author = changed);
    }

    public CommitOptions message(String changed) {
        return with(draft -> draft.message = changed);
    }

    /** The processes go on: what they write meanwhile may be in the image by halves. */
    public CommitOptions withoutPause() {
        return with(draft -> draft.pause = false);
    }

    public CommitOptions entrypoint(String... arguments) {
        return with(draft -> draft.entrypoint = Optional.of(Arrays.asList(arguments)));
    }

    public CommitOptions command(String... arguments) {
        return with(draft -> draft.command = Optional.of(Arrays.asList(arguments)));
    }

    public CommitOptions env(String key, String value) {
        return with(draft -> draft.env.put(key, value));
    }

    public CommitOptions user(String changed) {
        return with(draft -> draft.user = changed);
    }

    public CommitOptions workdir(String changed) {
        return with(draft -> draft.workdir = changed);
    }

    public CommitOptions stopSignal(String changed) {
        return with(draft -> draft.stopSignal = changed);
    }

    /** @param port as {@code 80/tcp} */
    public CommitOptions expose(String port) {
        return with(draft -> draft.exposedPorts.add(port));
    }

    public CommitOptions volume(String path) {
        return with(draft -> draft.volumes.add(path));
    }

    public CommitOptions label(String key, String value) {
        return with(draft -> draft.labels.put(key, value));
    }

    /**
     * One change as {@code docker commit --change} takes it: {@code CMD}, {@code ENTRYPOINT}, {@code ENV}, {@code EXPOSE}, {@code
     * HEALTHCHECK}, {@code LABEL}, {@code ONBUILD}, {@code STOPSIGNAL}, {@code USER}, {@code VOLUME} or {@code WORKDIR}, with what a
     * Dockerfile has behind it. Variables are those of the container's environment. What is wrong with it is said by {@link
     * Container#commit(String, CommitOptions)}.
     */
    public CommitOptions change(String instruction) {
        return with(draft -> draft.changes.add(instruction));
    }

    private CommitOptions with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private String author;
        private String message;
        private boolean pause;
        private Optional<List<String>> entrypoint;
        private Optional<List<String>> command;
        private final Map<String, String> env;
        private String user;
        private String workdir;
        private String stopSignal;
        private final Set<String> exposedPorts;
        private final Set<String> volumes;
        private final Map<String, String> labels;
        private final List<String> changes;

        Draft(CommitOptions base) {
            author = base.author;
            message = base.message;
            pause = base.pause;
            entrypoint = base.entrypoint;
            command = base.command;
            env = new LinkedHashMap<>(base.env);
            user = base.user;
            workdir = base.workdir;
            stopSignal = base.stopSignal;
            exposedPorts = new LinkedHashSet<>(base.exposedPorts);
            volumes = new LinkedHashSet<>(base.volumes);
            labels = new LinkedHashMap<>(base.labels);
            changes = new ArrayList<>(base.changes);
        }

        CommitOptions build() {
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
                    List.copyOf(exposedPorts),
                    List.copyOf(volumes),
                    labels,
                    changes);
        }
    }
}
