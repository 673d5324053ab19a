package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Dns;
import dev.cais.MountPoint;
import dev.cais.Subnet;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.network.dns.ResolvConf;
import dev.cais.runtime.launch.LaunchBuilder;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The files of /etc that say what a container is called and whom it may ask for names: they belong to the container, not to its
 * image, so each is mounted over what the image has there. They live in the memory that /dev is made of, without a name.
 *
 * @see <a href="https://man7.org/linux/man-pages/man5/hosts.5.html">hosts(5)</a>
 * @see <a href="https://man7.org/linux/man-pages/man5/resolv.conf.5.html">resolv.conf(5)</a>
 */
record EtcFiles(String hosts, String hostname, String resolvConf) {
    private static final String LOCAL_HOSTS = """
        127.0.0.1\tlocalhost
        ::1\tlocalhost ip6-localhost ip6-loopback
        fe00::\tip6-localnet
        ff00::\tip6-mcastprefix
        ff02::1\tip6-allnodes
        ff02::2\tip6-allrouters
        """;

    private static final int LONGEST = 1 << 16;

    /**
     * @param hostname of the container
     * @param owner of the network namespace that it has: its name stands for the addresses there, its resolver answers
     */
    static EtcFiles of(ContainerSpec spec, String hostname, LocalContainer owner) {
        var places = owner.networks().places();
        var hostNetwork = owner.spec().namespaces().network().isHost();
        var hosts = new StringBuilder(hostNetwork ? hostFile("/etc/hosts", LOCAL_HOSTS) : LOCAL_HOSTS);
        addExtraHosts(hosts, owner.spec(), places);
        if (!spec.equals(owner.spec())) {
            addExtraHosts(hosts, spec, places);
        }
        if (!hostNetwork) {
            var lines = places.stream()
                    .flatMap(place -> lines(owner, place.addresses()).stream())
                    .toList();
            (lines.isEmpty() ? lines(owner, List.of(Subnet.parseAddress("127.0.0.1"))) : lines)
                    .forEach(line -> hosts.append(line).append('\n'));
        }
        return new EtcFiles(hosts.toString(), hostname + "\n", resolvConf(owner));
    }

    /** Of /etc/hosts, for addresses of a container. */
    static List<String> lines(LocalContainer container, List<InetAddress> addresses) {
        var names = names(container.hostname(), container.spec().domainname());
        return addresses.stream()
                .map(address -> address.getHostAddress() + "\t" + names)
                .toList();
    }

    /** The longest first, as hosts(5) has it: {@code web.example.org web}. */
    private static String names(String hostname, String domain) {
        if (!domain.isEmpty()) {
            return hostname + "." + domain + " " + hostname;
        }
        var dot = hostname.indexOf('.');
        return dot < 1 ? hostname : hostname + " " + hostname.substring(0, dot);
    }

    private static void addExtraHosts(StringBuilder hosts, ContainerSpec spec, List<LocalEndpoint> places) {
        spec.extraHosts()
                .forEach((name, address) -> hosts.append(
                        (address.equals(ContainerSpec.HOST_GATEWAY) ? gateway(places) : address) + "\t" + name + "\n"));
    }

    private static String resolvConf(LocalContainer owner) {
        var dns = owner.spec().dns();
        if (owner.networks().isNetworked()) {
            return resolver(dns);
        }
        return switch (owner.spec().namespaces().network().kind()) {
            case HOST ->
                dns.equals(Dns.HOST)
                        ? hostFile("/etc/resolv.conf", "")
                        : ResolvConf.read(ResolvConf.FILE).with(dns).toString();
            case PATH ->
                ResolvConf.read(ResolvConf.FILE).with(dns).reachableFromOthers().toString();
            case PRIVATE, CONTAINER ->
                dns.servers().isEmpty()
                        ? "# no network, no name servers\n"
                        : ResolvConf.parse("").with(dns).toString();
        };
    }

    /** The engine's own, which asks the host's servers in turn; what the host appends to short names is appended here, too. */
    private static String resolver(Dns dns) {
        var wanted = ResolvConf.read(ResolvConf.FILE).with(dns);
        var options = new ArrayList<>(wanted.options());
        if (options.stream().noneMatch(option -> option.startsWith("ndots:"))) {
            options.add("ndots:0");
        }
        return new ResolvConf(List.of(NetworkSteps.RESOLVER_ADDRESS), wanted.search(), options).toString();
    }

    /** Without a network of its own, the host is at its own loopback, or nowhere. */
    private static String gateway(List<LocalEndpoint> places) {
        return places.stream()
                .flatMap(place -> place.network().hostAddresses().stream())
                .map(InetAddress::getHostAddress)
                .findFirst()
                .orElse("127.0.0.1");
    }

    private static String hostFile(String path, String missing) {
        try (var in = Files.newInputStream(Path.of(path))) {
            var text = new String(in.readNBytes(LONGEST), java.nio.charset.StandardCharsets.UTF_8);
            return text.isEmpty() || text.endsWith("\n") ? text : text + "\n";
        } catch (IOException e) {
            return missing;
        }
    }

    /**
     * Steps after /dev is there.
     *
     * @param taken what else is mounted in the container: these files give way, since nothing can be mounted on one without a name
     */
    void mount(LaunchBuilder program, List<MountPoint> taken) {
        program.mkdir("/etc", 0755).ignore(Errno.EEXIST);
        mount(program, "hosts", hosts, taken);
        mount(program, "hostname", hostname, taken);
        mount(program, "resolv.conf", resolvConf, taken);
    }

    /** A link that leads nowhere gives way to an empty file; another one is followed, as Docker does. */
    private static void mount(LaunchBuilder program, String name, String content, List<MountPoint> taken) {
        var source = "/dev/." + name;
        var target = "/etc/" + name;
        if (taken.stream().anyMatch(mount -> mount.target().equals(target))) {
            return;
        }
        var mounted = "mounted." + name;
        program.open(source, Abi.O_WRONLY | Abi.O_CREAT | Abi.O_EXCL | Abi.O_CLOEXEC, 0644);
        var file = program.result();
        program.write(file, content).close(file);
        program.mount(source, target, "", Abi.MS_BIND, "")
                .onSuccess(mounted)
                .ignore(Errno.ENOENT)
                .explain("of " + target, "the image must have a file there, or nothing");
        program.unlink(target, 0).ignore(Errno.ENOENT);
        program.mknod(target, Abi.S_IFREG | 0644, 0, 0);
        program.mount(source, target, "", Abi.MS_BIND, "");
        program.label(mounted);
        program.unlink(source, 0);
    }
}
