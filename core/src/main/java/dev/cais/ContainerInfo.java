package dev.cais;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What is known of a container at one moment, as {@code docker inspect} tells it.
 *
 * @param id 64 hexadecimal digits
 * @param image that it was made of
 * @param restartCount how often its restart policy has started it, or is about to, since a caller did
 * @param spec what was asked for, with the limits in force
 * @param command what its first process executes, program first: of its spec and image together, as are all that follow
 * @param env in order
 * @param user as {@code uid:gid}
 * @param workdir absolute
 * @param stopSignal as {@code SIGTERM}
 * @param hostname where it has one of its own
 * @param labels of the spec over those of the image
 * @param mounts those above before those below
 * @param endpoints its places on networks, in the order in which it joined them
 * @param ports that are published while it runs
 * @param warnings what this host could not do in the run that is going on or was the last
 * @param upper directory of the host with what it has written: to be read with care, since links in it may lead anywhere
 */
public record ContainerInfo(
        String id,
        String name,
        Image image,
        Instant created,
        State state,
        Health health,
        int restartCount,
        ContainerSpec spec,
        List<String> command,
        Map<String, String> env,
        String user,
        String workdir,
        String stopSignal,
        String hostname,
        Map<String, String> labels,
        List<MountPoint> mounts,
        List<Endpoint> endpoints,
        List<PortBinding> ports,
        List<Warning> warnings,
        LogStatus log,
        Path upper) {
    public ContainerInfo {
        command = List.copyOf(command);
        env = Collections.unmodifiableMap(new LinkedHashMap<>(env));
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        mounts = List.copyOf(mounts);
        endpoints = List.copyOf(endpoints);
        ports = List.copyOf(ports);
        warnings = List.copyOf(warnings);
    }

    /**
     * Where it stands.
     *
     * @param pid of its first process on the host, while that runs
     * @param exit of the last run that has ended: its code, signal, and whether memory was short
     * @param error why the last start failed; empty if it did not
     * @param startedAt of the last run
     * @param finishedAt of the last run that has ended
     */
    public record State(
            ContainerState status,
            OptionalInt pid,
            Optional<ExitStatus> exit,
            String error,
            Optional<Instant> startedAt,
            Optional<Instant> finishedAt) {
        /** {@code running, pid 4182}, {@code exited, exit 3}, {@code created, cannot start web: …}. */
        @Override
        public String toString() {
            var more = pid.isPresent()
                    ? "pid " + pid.getAsInt()
                    : exit.isPresent() && error.isEmpty() ? exit.get().toString() : error;
            return status.word() + (more.isEmpty() ? "" : ", " + more);
        }
    }

    /** {@code ContainerInfo[web, running, pid 4182, busybox, [sleep, 60]]}. */
    @Override
    public String toString() {
        return "ContainerInfo[" + name + ", " + state + ", " + spec.image() + ", " + command + "]";
    }
}
