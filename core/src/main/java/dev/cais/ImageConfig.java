package dev.cais;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What an image says about the containers made from it. The methods return changed copies.
 *
 * @param created when the image was made
 * @param author or empty
 * @param env in order, {@code NAME=value}
 * @param user {@code name|uid[:group|gid]}, or empty for root
 * @param workdir or empty for {@code /}
 * @param stopSignal or empty for {@code SIGTERM}
 * @param exposedPorts as {@code 80/tcp}
 * @param volumes paths
 * @param labels by key, in the image's order
 * @param shell for the shell form, or empty
 * @param health how its containers' health is to be checked; {@link HealthCheck#NONE} if it says that it is not
 * @param onBuild instructions for builds that begin with it
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md">OCI image spec 1.1.1, Image
 *     Configuration</a>
 * @see <a href="https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md">Docker image spec 1.3.1</a>
 */
public record ImageConfig(
        Optional<Instant> created,
        String author,
        List<String> entrypoint,
        List<String> command,
        List<String> env,
        String user,
        String workdir,
        String stopSignal,
        List<String> exposedPorts,
        List<String> volumes,
        Map<String, String> labels,
        List<String> shell,
        Optional<HealthCheck> health,
        List<String> onBuild) {
    /** Says nothing at all. */
    public static final ImageConfig EMPTY = new ImageConfig(
            Optional.empty(),
            "",
            List.of(),
            List.of(),
            List.of(),
            "",
            "",
            "",
            List.of(),
            List.of(),
            Map.of(),
            List.of(),
            Optional.empty(),
            List.of());

    private static final List<String> DEFAULT_SHELL = List.of("/bin/sh", "-c");

    public ImageConfig {
        entrypoint = List.copyOf(entrypoint);
        command = List.copyOf(command);
        env = List.copyOf(env);
        exposedPorts = List.copyOf(exposedPorts);
        volumes = List.copyOf(volumes);
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        shell = List.copyOf(shell);
        onBuild = List.copyOf(onBuild);
    }

    /** What runs a line of text: the image's shell, or {@code /bin/sh -c}. */
    public List<String> inShell(String line) {
        var arguments = new ArrayList<>(shell.isEmpty() ? DEFAULT_SHELL : shell);
        arguments.add(line);
        return arguments;
    }

    /** The value of a variable of its environment. */
    public Optional<String> variable(String key) {
        return env.stream()
                .filter(each -> each.startsWith(key + "="))
                .map(each -> each.substring(key.length() + 1))
                .findFirst();
    }

    public ImageConfig created(Instant changed) {
        return with(draft -> draft.created = Optional.of(changed));
    }

    public ImageConfig author(String changed) {
        return with(draft -> draft.author = changed);
    }

    public ImageConfig entrypoint(List<String> changed) {
        return with(draft -> draft.entrypoint = changed);
    }

    public ImageConfig command(List<String> changed) {
        return with(draft -> draft.command = changed);
    }

    /** A variable more, or in the place of that of the same name. */
    public ImageConfig env(String key, String value) {
        return env(Map.of(key, value));
    }

    /** The same for several. */
    public ImageConfig env(Map<String, String> more) {
        var byKey = new LinkedHashMap<String, String>();
        env.forEach(each -> byKey.put(each.split("=", 2)[0], each));
        more.forEach((key, value) -> byKey.put(key, key + "=" + value));
        return with(draft -> draft.env = List.copyOf(byKey.values()));
    }

    public ImageConfig user(String changed) {
        return with(draft -> draft.user = changed);
    }

    public ImageConfig workdir(String changed) {
        return with(draft -> draft.workdir = changed);
    }

    public ImageConfig stopSignal(String changed) {
        return with(draft -> draft.stopSignal = changed);
    }

    /** Ports beside those that there are. */
    public ImageConfig expose(List<String> more) {
        return with(draft -> draft.exposedPorts = joined(exposedPorts, more));
    }

    /** Volumes beside those that there are. */
    public ImageConfig volume(List<String> more) {
        return with(draft -> draft.volumes = joined(volumes, more));
    }

    /** Labels more, or in the place of those with the same keys. */
    public ImageConfig label(Map<String, String> more) {
        var changed = new LinkedHashMap<>(labels);
        changed.putAll(more);
        return with(draft -> draft.labels = changed);
    }

    public ImageConfig health(HealthCheck changed) {
        return with(draft -> draft.health = Optional.of(changed));
    }

    /** An instruction behind those that there are. */
    public ImageConfig onBuild(String more) {
        var changed = new ArrayList<>(onBuild);
        changed.add(more);
        return with(draft -> draft.onBuild = changed);
    }

    /** Without any. */
    public ImageConfig withoutTriggers() {
        return with(draft -> draft.onBuild = List.of());
    }

    public ImageConfig shell(List<String> changed) {
        return with(draft -> draft.shell = changed);
    }

    private static List<String> joined(List<String> some, List<String> others) {
        var joined = new LinkedHashSet<>(some);
        joined.addAll(others);
        return List.copyOf(joined);
    }

    private ImageConfig with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private Optional<Instant> created;
        private String author;
        private List<String> entrypoint;
        private List<String> command;
        private List<String> env;
        private String user;
        private String workdir;
        private String stopSignal;
        private List<String> exposedPorts;
        private List<String> volumes;
        private Map<String, String> labels;
        private List<String> shell;
        private Optional<HealthCheck> health;
        private List<String> onBuild;

        Draft(ImageConfig base) {
            created = base.created;
            author = base.author;
            entrypoint = base.entrypoint;
            command = base.command;
            env = base.env;
            user = base.user;
            workdir = base.workdir;
            stopSignal = base.stopSignal;
            exposedPorts = base.exposedPorts;
            volumes = base.volumes;
            labels = base.labels;
            shell = base.shell;
            health = base.health;
            onBuild = base.onBuild;
        }

        ImageConfig build() {
            return new ImageConfig(
                    created,
                    author,
                    entrypoint,
                    command,
                    env,
                    user,
                    workdir,
                    stopSignal,
                    exposedPorts,
                    volumes,
                    labels,
                    shell,
                    health,
                    onBuild);
        }
    }
}
