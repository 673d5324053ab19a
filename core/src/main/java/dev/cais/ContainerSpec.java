package dev.cais;

import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * What to run and how. The methods return changed copies, so one spec serves many containers.
 *
 * @param image name or id
 * @param name of the container; empty for a made-up one
 * @param entrypoint in place of the image's, if present; then the image's command is dropped too
 * @param command in place of the image's, if present
 * @param env over the image's, in order
 * @param user {@code name|uid[:group|gid]}; empty for the image's
 * @param workdir absolute; empty for the image's; created if it is missing
 * @param hostname empty for the first twelve digits of the id
 * @param memory limit of the container, swap included
 * @param cpus processors' worth of time, as {@code 0.5}; 0 for no limit
 * @param pids number of processes and threads; 0 for no limit
 * @param stopSignal empty for the image's
 * @param stopTimeout before a stop kills
 */
public record ContainerSpec(
        String image,
        String name,
        Optional<List<String>> entrypoint,
        Optional<List<String>> command,
        Map<String, String> env,
        String user,
        String workdir,
        String hostname,
        ByteSize memory,
        double cpus,
        long pids,
        NetworkMode network,
        boolean noNewPrivileges,
        SeccompProfile seccomp,
        Map<String, Rlimit> rlimits,
        Map<String, String> sysctls,
        Map<String, String> labels,
        String stopSignal,
        Duration stopTimeout) {
    /** How long a stop waits by default: ten seconds, as Docker does. */
    public static final Duration DEFAULT_STOP_TIMEOUT = Duration.ofSeconds(10);

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]+");
    private static final Pattern HOSTNAME = Pattern.compile("[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62})");

    public ContainerSpec {
        if (image.isEmpty()) {
            throw new InvalidSpecException("cannot run a container: the image's name is empty");
        }
        if (!name.isEmpty() && !NAME.matcher(name).matches()) {
            throw new InvalidSpecException("cannot name a container " + name + ": it does not match " + NAME);
        }
        if (!hostname.isEmpty() && !HOSTNAME.matcher(hostname).matches()) {
            throw new InvalidSpecException(
                    "cannot set host name " + hostname + ": it is not 1 to 63 letters, digits, dots and hyphens");
        }
        if (!workdir.isEmpty() && !workdir.startsWith("/")) {
            throw new InvalidSpecException("cannot use working directory " + workdir + ": it is not absolute");
        }
        if (!(cpus >= 0 && cpus < 1_000_000) || (cpus > 0 && cpus < 0.01)) {
            throw new InvalidSpecException("cannot limit processors to " + cpus + ": the least is 0.01");
        }
        if (pids < 0) {
            throw new InvalidSpecException("cannot limit processes to " + pids + ": it is negative");
        }
        if (memory.compareTo(ByteSize.mib(1)) < 0) {
            throw new InvalidSpecException("cannot limit memory to " + memory + ": the least is 1 MiB");
        }
        if (stopTimeout.isNegative()) {
            throw new InvalidSpecException("cannot wait " + stopTimeout + " for a stop: it is negative");
        }
        entrypoint = entrypoint.map(ContainerSpec::copyArguments);
        command = command.map(ContainerSpec::copyArguments);
        env = copyEnv(env);
        rlimits = Collections.unmodifiableMap(new LinkedHashMap<>(rlimits));
        sysctls = Collections.unmodifiableMap(new LinkedHashMap<>(sysctls));
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
    }

    /** @param image name or id of an image in the store */
    public static ContainerSpec of(String image) {
        return new ContainerSpec(
                image,
                "",
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                "",
                "",
                "",
                ByteSize.UNLIMITED,
                0,
                0,
                NetworkMode.NONE,
                false,
                SeccompProfile.standard(),
                Map.of(),
                Map.of(),
                Map.of(),
                "",
                DEFAULT_STOP_TIMEOUT);
    }

    public static ContainerSpec of(Image image) {
        return of(image.id().toString());
    }

    public ContainerSpec name(String changed) {
        return with(draft -> draft.name = changed);
    }

    /** Program and arguments that stand before the command; one empty text for none at all, not even the image's. */
    public ContainerSpec entrypoint(String... arguments) {
        var none = arguments.length == 1 && arguments[0].isEmpty();
        return with(draft -> draft.entrypoint = Optional.of(none ? List.of() : Arrays.asList(arguments)));
    }

    public ContainerSpec command(String... arguments) {
        return with(draft -> draft.command = Optional.of(Arrays.asList(arguments)));
    }

    public ContainerSpec env(String key, String value) {
        return with(draft -> draft.env = put(env, key, value));
    }

    public ContainerSpec user(String changed) {
        return with(draft -> draft.user = changed);
    }

    public ContainerSpec workdir(String changed) {
        return with(draft -> draft.workdir = changed);
    }

    public ContainerSpec hostname(String changed) {
        return with(draft -> draft.hostname = changed);
    }

    public ContainerSpec memory(ByteSize limit) {
        return with(draft -> draft.memory = limit);
    }

    public ContainerSpec cpus(double limit) {
        return with(draft -> draft.cpus = limit);
    }

    public ContainerSpec pids(long limit) {
        return with(draft -> draft.pids = limit);
    }

    /** An empty network namespace: only loopback. */
    public ContainerSpec noNetwork() {
        return with(draft -> draft.network = NetworkMode.NONE);
    }

    /** The host's own network: no isolation there. */
    public ContainerSpec hostNetwork() {
        return with(draft -> draft.network = NetworkMode.HOST);
    }

    /** Programs with set-user-id bits or file capabilities gain nothing by them. */
    public ContainerSpec withNoNewPrivileges() {
        return with(draft -> draft.noNewPrivileges = true);
    }

    public ContainerSpec seccomp(SeccompProfile profile) {
        return with(draft -> draft.seccomp = profile);
    }

    public ContainerSpec rlimit(Rlimit limit) {
        return with(draft -> draft.rlimits = put(rlimits, limit.name(), limit));
    }

    /** @param key of a namespaced sysctl: {@code net.…}, {@code kernel.shm…}, {@code kernel.msg…}, {@code kernel.sem}, {@code fs.mqueue.…} */
    public ContainerSpec sysctl(String key, String value) {
        return with(draft -> draft.sysctls = put(sysctls, key, value));
    }

    public ContainerSpec label(String key, String value) {
        return with(draft -> draft.labels = put(labels, key, value));
    }

    public ContainerSpec stopSignal(String signal) {
        return with(draft -> draft.stopSignal = signal);
    }

    public ContainerSpec stopTimeout(Duration changed) {
        return with(draft -> draft.stopTimeout = changed);
    }

    static Map<String, String> copyEnv(Map<String, String> env) {
        env.forEach((key, value) -> {
            if (key.isEmpty() || key.indexOf('=') >= 0 || key.indexOf('\0') >= 0 || value.indexOf('\0') >= 0) {
                throw new InvalidSpecException("cannot set environment variable '" + key
                        + "': a name is not empty and has no '=', and neither has a NUL");
            }
        });
        return Collections.unmodifiableMap(new LinkedHashMap<>(env));
    }

    private static List<String> copyArguments(List<String> arguments) {
        for (var argument : arguments) {
            if (argument.indexOf('\0') >= 0) {
                throw new InvalidSpecException(
                        "cannot pass argument '" + argument.replace('\0', '?') + "': it has a NUL");
            }
        }
        return List.copyOf(arguments);
    }

    private static <T> Map<String, T> put(Map<String, T> map, String key, T value) {
        var copy = new LinkedHashMap<>(map);
        copy.put(key, value);
        return copy;
    }

    private ContainerSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.spec();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private final ContainerSpec base;
        private String name;
        private Optional<List<String>> entrypoint;
        private Optional<List<String>> command;
        private Map<String, String> env;
        private String user;
        private String workdir;
        private String hostname;
        private ByteSize memory;
        private double cpus;
        private long pids;
        private NetworkMode network;
        private boolean noNewPrivileges;
        private SeccompProfile seccomp;
        private Map<String, Rlimit> rlimits;
        private Map<String, String> sysctls;
        private Map<String, String> labels;
        private String stopSignal;
        private Duration stopTimeout;

        Draft(ContainerSpec base) {
            this.base = base;
            name = base.name;
            entrypoint = base.entrypoint;
            command = base.command;
            env = base.env;
            user = base.user;
            workdir = base.workdir;
            hostname = base.hostname;
            memory = base.memory;
            cpus = base.cpus;
            pids = base.pids;
            network = base.network;
            noNewPrivileges = base.noNewPrivileges;
            seccomp = base.seccomp;
            rlimits = base.rlimits;
            sysctls = base.sysctls;
            labels = base.labels;
            stopSignal = base.stopSignal;
            stopTimeout = base.stopTimeout;
        }

        ContainerSpec spec() {
            return new ContainerSpec(
                    base.image,
                    name,
                    entrypoint,
                    command,
                    env,
                    user,
                    workdir,
                    hostname,
                    memory,
                    cpus,
                    pids,
                    network,
                    noNewPrivileges,
                    seccomp,
                    rlimits,
                    sysctls,
                    labels,
                    stopSignal,
                    stopTimeout);
        }
    }
}
