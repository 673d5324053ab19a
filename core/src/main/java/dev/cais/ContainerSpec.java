package dev.cais;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * What to run and how. The methods return changed copies, so one spec serves many containers.
 *
 * @param image name or id; or a directory of the host, see {@link #ofRootfs}
 * @param name of the container; empty for a made-up one
 * @param entrypoint in place of the image's, if present; then the image's command is dropped too
 * @param command in place of the image's, if present
 * @param env over the image's, in order
 * @param user {@code name|uid[:group|gid]}; empty for the image's
 * @param groups supplementary ones beside the user's own, names of the image or numbers
 * @param workdir absolute; empty for the image's; created if it is missing
 * @param hostname empty for the first twelve digits of the id
 * @param domainname empty for none
 * @param extraHosts name to address, for its {@code /etc/hosts}; the address {@code host-gateway} stands for the host's own on the
 *     container's first network
 * @param dns whom it asks for names that its networks do not have
 * @param networks that it joins, in place of the engine's default one, if present
 * @param ports of its to publish on the host
 * @param shmSize of {@code /dev/shm}
 * @param oomScoreAdj -1000 (the kernel never kills it for memory) to 1000 (it goes first)
 * @param terminal its standard streams are a terminal of its own
 * @param health in place of the image's, if present
 * @param autoRemove it is removed when it has ended
 * @param init a small init of ours is PID 1: forwards signals to the program, collects orphans
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
        List<String> groups,
        String workdir,
        String hostname,
        String domainname,
        Map<String, String> extraHosts,
        Dns dns,
        Map<String, String> labels,
        Resources resources,
        Security security,
        Namespaces namespaces,
        Optional<List<EndpointSpec>> networks,
        List<PortMapping> ports,
        List<Mount> mounts,
        Map<String, Rlimit> rlimits,
        Map<String, String> sysctls,
        ByteSize shmSize,
        int oomScoreAdj,
        boolean terminal,
        Stdin stdin,
        Optional<HealthCheck> health,
        RestartPolicy restart,
        boolean autoRemove,
        boolean init,
        LogConfig logging,
        String stopSignal,
        Duration stopTimeout) {
    /** How long a stop waits by default: ten seconds, as Docker does. */
    public static final Duration DEFAULT_STOP_TIMEOUT = Duration.ofSeconds(10);

    /** Size of {@code /dev/shm} by default, as Docker has it. */
    public static final ByteSize DEFAULT_SHM_SIZE = ByteSize.mib(64);

    /** In place of an extra host's address: the host's own on the container's first network. */
    public static final String HOST_GATEWAY = "host-gateway";

    private static final String ROOTFS = "rootfs:";

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]+");
    private static final Pattern HOST = Pattern.compile("[^\\s#]+");
    private static final Pattern ADDRESS =
            Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*(%[a-zA-Z0-9_.-]+)?");
    private static final Pattern HOSTNAME = Pattern.compile("[a-zA-Z0-9]([a-zA-Z0-9.-]{0,62})");

    /** What a container's standard input is. */
    public enum Stdin {
        /** {@code /dev/null}. */
        NONE,
        /** Open for attachments, one after the other, until one closes it. */
        OPEN,
        /** Open for one attachment: closed when that ends. */
        ONCE
    }

    public ContainerSpec {
        if (image.isEmpty()) {
            throw new InvalidSpecException("cannot run a container: the image's name is empty");
        }
        if (image.indexOf('\0') >= 0) {
            throw new InvalidSpecException("cannot run a container: the image's name has a NUL");
        }
        if (!name.isEmpty()) {
            requireName("cannot name a container " + name, name);
        }
        if (!hostname.isEmpty() && !HOSTNAME.matcher(hostname).matches()) {
            throw new InvalidSpecException(
                    "cannot set host name " + hostname + ": it is not 1 to 63 letters, digits, dots and hyphens");
        }
        if (!domainname.isEmpty() && !HOSTNAME.matcher(domainname).matches()) {
            throw new InvalidSpecException(
                    "cannot set domain name " + domainname + ": it is not 1 to 63 letters, digits, dots and hyphens");
        }
        if (!namespaces.uts().isPrivate() && !(hostname.isEmpty() && domainname.isEmpty())) {
            throw new InvalidSpecException("cannot set a host name: the UTS namespace is not the container's own ("
                    + namespaces.uts() + "), and its name with it");
        }
        extraHosts.forEach((host, address) -> {
            if (!HOST.matcher(host).matches() || !ADDRESS.matcher(address).matches() && !address.equals(HOST_GATEWAY)) {
                throw new InvalidSpecException("cannot add host '" + host + "' with address '" + address
                        + "': a name has no blanks, an address is as 10.0.0.1 or fd00::1, or " + HOST_GATEWAY);
            }
        });
        if (namespaces.network().kind() == NamespaceMode.Kind.CONTAINER && !dns.equals(Dns.HOST)) {
            throw new InvalidSpecException(
                    "cannot say whom to ask for names: the network namespace is another container's ("
                            + namespaces.network() + "), and its resolver with it");
        }
        networks = networks.map(List::copyOf);
        ports = List.copyOf(ports);
        requireNetworks(namespaces.network(), networks, ports);
        if (!workdir.isEmpty() && !workdir.startsWith("/")) {
            throw new InvalidSpecException("cannot use working directory " + workdir + ": it is not absolute");
        }
        if (stopTimeout.isNegative()) {
            throw new InvalidSpecException("cannot wait " + stopTimeout + " for a stop: it is negative");
        }
        if (oomScoreAdj < -1000 || oomScoreAdj > 1000) {
            throw new InvalidSpecException(
                    "cannot set OOM score adjustment " + oomScoreAdj + ": it is a number from -1000 to 1000");
        }
        if (autoRemove && !restart.equals(RestartPolicy.NO)) {
            throw new InvalidSpecException("cannot remove a container at its end and restart it too: choose one");
        }
        var targets = new HashSet<String>();
        for (var mount : mounts) {
            if (!targets.add(mount.target())) {
                throw new InvalidSpecException("cannot mount twice at " + mount.target());
            }
        }
        entrypoint = entrypoint.map(ContainerSpec::copyArguments);
        command = command.map(ContainerSpec::copyArguments);
        env = copyEnv(env);
        groups = List.copyOf(groups);
        mounts = List.copyOf(mounts);
        extraHosts = Collections.unmodifiableMap(new LinkedHashMap<>(extraHosts));
        rlimits = Collections.unmodifiableMap(new LinkedHashMap<>(rlimits));
        sysctls = Collections.unmodifiableMap(new LinkedHashMap<>(sysctls));
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        for (var key : labels.keySet()) {
            if (key.isEmpty()) {
                throw new InvalidSpecException("cannot label a container: the label has no key");
            }
        }
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
                List.of(),
                "",
                "",
                "",
                Map.of(),
                Dns.HOST,
                Map.of(),
                Resources.UNLIMITED,
                Security.DEFAULT,
                Namespaces.PRIVATE,
                Optional.empty(),
                List.of(),
                List.of(),
                Map.of(),
                Map.of(),
                DEFAULT_SHM_SIZE,
                0,
                false,
                Stdin.NONE,
                Optional.empty(),
                RestartPolicy.NO,
                false,
                false,
                LogConfig.LOCAL,
                "",
                DEFAULT_STOP_TIMEOUT);
    }

    public static ContainerSpec of(Image image) {
        return of(image.id().toString());
    }

    /** Begins with the files and the configuration of another container. */
    public static ContainerSpec of(Snapshot snapshot) {
        return of(snapshot.id());
    }

    /**
     * Begins with a directory of the host in the place of an image, as {@code podman run --rootfs DIRECTORY:O}. It is only read:
     * what the container writes goes with the container. It says nothing of a command, an environment or a user.
     *
     * <p>Nobody may write to the directory while containers use it: what they see of that is undefined (Linux, overlayfs, Changes
     * to underlying filesystems).
     */
    public static ContainerSpec ofRootfs(Path directory) {
        return of(ROOTFS + directory.toAbsolutePath());
    }

    /** The directory of the host that it begins with, if it is no image. */
    public Optional<Path> rootfs() {
        return image.startsWith(ROOTFS) ? Optional.of(Path.of(image.substring(ROOTFS.length()))) : Optional.empty();
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
        return with(draft -> draft.env = Added.to(env, key, value));
    }

    /**
     * Adds the variables of a file, which is read now: one {@code NAME=value} a line, with nothing unquoted or expanded; {@code NAME}
     * alone for the host's value, if it has one; lines that begin with {@code #} are comments.
     *
     * @throws NotFoundException if there is no such file
     * @throws InvalidSpecException if a line is something else
     */
    public ContainerSpec envFile(Path file) {
        var more = new LinkedHashMap<>(env);
        more.putAll(EnvFile.read(file, System::getenv));
        return with(draft -> draft.env = more);
    }

    public ContainerSpec user(String changed) {
        return with(draft -> draft.user = changed);
    }

    /** Adds supplementary groups, by names of the image or numbers. */
    public ContainerSpec groupAdd(String... more) {
        return with(draft -> draft.groups = Added.to(groups, more));
    }

    public ContainerSpec workdir(String changed) {
        return with(draft -> draft.workdir = changed);
    }

    public ContainerSpec hostname(String changed) {
        return with(draft -> draft.hostname = changed);
    }

    public ContainerSpec domainname(String changed) {
        return with(draft -> draft.domainname = changed);
    }

    /** @param address IPv4 or IPv6, or {@link #HOST_GATEWAY} */
    public ContainerSpec extraHost(String host, String address) {
        return with(draft -> draft.extraHosts = Added.to(extraHosts, host, address));
    }

    public ContainerSpec dns(Dns changed) {
        return with(draft -> draft.dns = changed);
    }

    /** @param servers beside those named before, as {@code 192.0.2.53} */
    public ContainerSpec dns(String... servers) {
        return dns(dns.server(servers));
    }

    public ContainerSpec label(String key, String value) {
        return with(draft -> draft.labels = Added.to(labels, key, value));
    }

    // ---- resources

    public ContainerSpec resources(Resources changed) {
        return with(draft -> draft.resources = changed);
    }

    public ContainerSpec memory(ByteSize limit) {
        return resources(resources.memory(limit));
    }

    public ContainerSpec cpus(double limit) {
        return resources(resources.cpus(limit));
    }

    public ContainerSpec pids(long limit) {
        return resources(resources.pids(limit));
    }

    public ContainerSpec rlimit(Rlimit limit) {
        return with(draft -> draft.rlimits = Added.to(rlimits, limit.name(), limit));
    }

    public ContainerSpec shmSize(ByteSize size) {
        return with(draft -> draft.shmSize = size);
    }

    public ContainerSpec oomScoreAdj(int changed) {
        return with(draft -> draft.oomScoreAdj = changed);
    }

    // ---- security and namespaces

    public ContainerSpec security(UnaryOperator<Security> change) {
        return with(draft -> draft.security = change.apply(security));
    }

    public ContainerSpec privileged() {
        return security(now -> now.privileged(true));
    }

    public ContainerSpec capAdd(String... names) {
        return security(now -> now.capAdd(names));
    }

    public ContainerSpec capDrop(String... names) {
        return security(now -> now.capDrop(names));
    }

    /** Programs with set-user-id bits or file capabilities gain nothing by them. */
    public ContainerSpec withNoNewPrivileges() {
        return security(now -> now.noNewPrivileges(true));
    }

    public ContainerSpec seccomp(SeccompProfile profile) {
        return security(now -> now.seccomp(profile));
    }

    public ContainerSpec readOnlyRoot() {
        return security(now -> now.readOnlyRoot(true));
    }

    public ContainerSpec device(Device device) {
        return security(now -> now.device(device));
    }

    /**
     * A device of the Container Device Interface, as {@code --device vendor.com/class=name} and {@code --gpus}: a graphics card, say,
     * with the nodes, files and variables that its vendor's specification on this host names.
     */
    public ContainerSpec cdiDevice(String name) {
        return security(now -> now.cdiDevice(name));
    }

    /** @param key of a namespaced sysctl: {@code net.…}, {@code kernel.shm…}, {@code kernel.msg…}, {@code kernel.sem}, {@code fs.mqueue.…} */
    public ContainerSpec sysctl(String key, String value) {
        return with(draft -> draft.sysctls = Added.to(sysctls, key, value));
    }

    public ContainerSpec namespaces(Namespaces changed) {
        return with(draft -> draft.namespaces = changed);
    }

    // ---- networks

    /** An empty network namespace: only loopback. */
    public ContainerSpec noNetwork() {
        return network(NamespaceMode.PRIVATE).with(draft -> draft.networks = Optional.of(List.of()));
    }

    /** The host's own network: no isolation there. */
    public ContainerSpec hostNetwork() {
        return network(NamespaceMode.HOST);
    }

    /** Of its own, the host's, another container's or one at a path; networks that it was to join before are dropped. */
    public ContainerSpec network(NamespaceMode mode) {
        return with(draft -> {
            draft.networks = Optional.empty();
            draft.namespaces =
                    new Namespaces(namespaces.pid(), namespaces.ipc(), namespaces.uts(), mode, namespaces.time());
        });
    }

    /**
     * In the words of {@code docker run --network}: {@code none}, {@code host}, {@code container:web} or the name of a network; and
     * Podman's {@code ns:/run/netns/blue}.
     */
    public ContainerSpec network(String word) {
        var container = "container:";
        var path = "ns:";
        if (word.startsWith(container)) {
            return network(NamespaceMode.container(word.substring(container.length())));
        }
        if (word.startsWith(path)) {
            return network(NamespaceMode.path(Path.of(word.substring(path.length()))));
        }
        return switch (word) {
            case "none" -> noNetwork();
            case "host" -> hostNetwork();
            default -> network(NamespaceMode.PRIVATE).join(EndpointSpec.of(word));
        };
    }

    /** Joins a network, beside those named before, under these names beside its own. */
    public ContainerSpec join(Network network, String... aliases) {
        return join(EndpointSpec.of(network).alias(aliases));
    }

    /** Joins a network, beside those named before. */
    public ContainerSpec join(EndpointSpec endpoint) {
        return with(draft -> draft.networks = Optional.of(Added.to(networks.orElse(List.of()), endpoint)));
    }

    /** A TCP port of its, at one of 127.0.0.1 that the engine chooses: see {@link Container#hostPort(int)}. */
    public ContainerSpec publish(int container) {
        return publish(PortMapping.of(container));
    }

    /** A TCP port of its, at that one of 127.0.0.1. */
    public ContainerSpec publish(int host, int container) {
        return publish(PortMapping.of(host, container));
    }

    /** @param text what {@code docker run -p} takes: see {@link PortMapping#parse} */
    public ContainerSpec publish(String text) {
        return with(
                draft -> draft.ports = Added.to(ports, PortMapping.parse(text).toArray(PortMapping[]::new)));
    }

    public ContainerSpec publish(PortMapping mapping) {
        return with(draft -> draft.ports = Added.to(ports, mapping));
    }

    public ContainerSpec pid(NamespaceMode mode) {
        return namespaces(
                new Namespaces(mode, namespaces.ipc(), namespaces.uts(), namespaces.network(), namespaces.time()));
    }

    public ContainerSpec ipc(NamespaceMode mode) {
        return namespaces(
                new Namespaces(namespaces.pid(), mode, namespaces.uts(), namespaces.network(), namespaces.time()));
    }

    public ContainerSpec uts(NamespaceMode mode) {
        return namespaces(
                new Namespaces(namespaces.pid(), namespaces.ipc(), mode, namespaces.network(), namespaces.time()));
    }

    public ContainerSpec timeOffsets(Duration monotonic, Duration boottime) {
        return namespaces(new Namespaces(
                namespaces.pid(),
                namespaces.ipc(),
                namespaces.uts(),
                namespaces.network(),
                Optional.of(new Namespaces.TimeOffsets(monotonic, boottime))));
    }

    // ---- files

    public ContainerSpec mount(Mount mount) {
        return with(draft -> draft.mounts = Added.to(mounts, mount));
    }

    /** A volume, to be written to; made again by its name if it is gone by then. */
    public ContainerSpec mount(Volume volume, String target) {
        return mount(volume.name(), target);
    }

    /** A volume by name, made if there is none; an anonymous one for an empty name, which goes with the container. */
    public ContainerSpec mount(String volume, String target) {
        return mount(Mount.volume(volume, target));
    }

    public ContainerSpec mountReadOnly(Volume volume, String target) {
        return mountReadOnly(volume.name(), target);
    }

    /** A volume by name, to be read only. */
    public ContainerSpec mountReadOnly(String volume, String target) {
        return mount(Mount.volume(volume, target).readOnly(true));
    }

    /** A file or directory of the host, which must exist. */
    public ContainerSpec bind(Path source, String target) {
        return mount(Mount.bind(source, target));
    }

    /** The same, to be read only, with all that is mounted in it. */
    public ContainerSpec bindReadOnly(Path source, String target) {
        return mount(Mount.bind(source, target).readOnly(true));
    }

    /** Memory, for anyone to write to, where nothing can be executed. */
    public ContainerSpec tmpfs(String target) {
        return mount(Mount.tmpfs(target));
    }

    /** Memory, at most that much. */
    public ContainerSpec tmpfs(String target, ByteSize size) {
        return mount(Mount.tmpfs(target).size(size));
    }

    // ---- streams and life

    /** A terminal for its standard streams. */
    public ContainerSpec tty() {
        return with(draft -> draft.terminal = true);
    }

    /** Keeps its standard input open for attachments. */
    public ContainerSpec openStdin() {
        return with(draft -> draft.stdin = Stdin.OPEN);
    }

    /** Keeps its standard input open for one attachment. */
    public ContainerSpec stdinOnce() {
        return with(draft -> draft.stdin = Stdin.ONCE);
    }

    public ContainerSpec health(HealthCheck check) {
        return with(draft -> draft.health = Optional.of(check));
    }

    public ContainerSpec restart(RestartPolicy policy) {
        return with(draft -> draft.restart = policy);
    }

    public ContainerSpec withAutoRemove() {
        return with(draft -> draft.autoRemove = true);
    }

    public ContainerSpec withInit() {
        return with(draft -> draft.init = true);
    }

    public ContainerSpec logging(LogConfig config) {
        return with(draft -> draft.logging = config);
    }

    public ContainerSpec stopSignal(String signal) {
        return with(draft -> draft.stopSignal = signal);
    }

    public ContainerSpec stopTimeout(Duration changed) {
        return with(draft -> draft.stopTimeout = changed);
    }

    /** @throws InvalidSpecException that begins with {@code cannot}, if it is no name for a container */
    public static void requireName(String cannot, String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidSpecException(cannot + ": it does not match " + NAME);
        }
    }

    private static void requireNetworks(
            NamespaceMode mode, Optional<List<EndpointSpec>> networks, List<PortMapping> ports) {
        if (!mode.isPrivate() && networks.isPresent()) {
            throw new InvalidSpecException(
                    "cannot join a network: the network namespace is not the container's own (" + mode + ")");
        }
        if (!ports.isEmpty()
                && (!mode.isPrivate() || networks.filter(List::isEmpty).isPresent())) {
            throw new InvalidSpecException("cannot publish a port: the container is on no network of its own ("
                    + (mode.isPrivate() ? "none" : mode) + ")");
        }
        var names = new HashSet<String>();
        for (var endpoint : networks.orElse(List.of())) {
            if (!names.add(endpoint.network())) {
                throw new InvalidSpecException("cannot join network " + endpoint.network() + " twice");
            }
        }
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

    private ContainerSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private final String image;
        private String name;
        private Optional<List<String>> entrypoint;
        private Optional<List<String>> command;
        private Map<String, String> env;
        private String user;
        private List<String> groups;
        private String workdir;
        private String hostname;
        private String domainname;
        private Map<String, String> extraHosts;
        private Dns dns;
        private Map<String, String> labels;
        private Resources resources;
        private Security security;
        private Namespaces namespaces;
        private Optional<List<EndpointSpec>> networks;
        private List<PortMapping> ports;
        private List<Mount> mounts;
        private Map<String, Rlimit> rlimits;
        private Map<String, String> sysctls;
        private ByteSize shmSize;
        private int oomScoreAdj;
        private boolean terminal;
        private Stdin stdin;
        private Optional<HealthCheck> health;
        private RestartPolicy restart;
        private boolean autoRemove;
        private boolean init;
        private LogConfig logging;
        private String stopSignal;
        private Duration stopTimeout;

        Draft(ContainerSpec base) {
            image = base.image;
            name = base.name;
            entrypoint = base.entrypoint;
            command = base.command;
            env = base.env;
            user = base.user;
            groups = base.groups;
            workdir = base.workdir;
            hostname = base.hostname;
            domainname = base.domainname;
            extraHosts = base.extraHosts;
            dns = base.dns;
            labels = base.labels;
            resources = base.resources;
            security = base.security;
            namespaces = base.namespaces;
            networks = base.networks;
            ports = base.ports;
            mounts = base.mounts;
            rlimits = base.rlimits;
            sysctls = base.sysctls;
            shmSize = base.shmSize;
            oomScoreAdj = base.oomScoreAdj;
            terminal = base.terminal;
            stdin = base.stdin;
            health = base.health;
            restart = base.restart;
            autoRemove = base.autoRemove;
            init = base.init;
            logging = base.logging;
            stopSignal = base.stopSignal;
            stopTimeout = base.stopTimeout;
        }

        ContainerSpec build() {
            return new ContainerSpec(
                    image,
                    name,
                    entrypoint,
                    command,
                    env,
                    user,
                    groups,
                    workdir,
                    hostname,
                    domainname,
                    extraHosts,
                    dns,
                    labels,
                    resources,
                    security,
                    namespaces,
                    networks,
                    ports,
                    mounts,
                    rlimits,
                    sysctls,
                    shmSize,
                    oomScoreAdj,
                    terminal,
                    stdin,
                    health,
                    restart,
                    autoRemove,
                    init,
                    logging,
                    stopSignal,
                    stopTimeout);
        }
    }
}
