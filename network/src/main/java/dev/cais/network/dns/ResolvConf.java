package dev.cais.network.dns;

import dev.cais.Dns;
import dev.cais.InvalidSpecException;
import dev.cais.Subnet;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a host's or a container's /etc/resolv.conf says.
 *
 * @param nameservers at most three, in order
 * @param search domains to append to short names, in order
 * @param options such as {@code ndots:1}, as they are written
 * @see <a href="https://man7.org/linux/man-pages/man5/resolv.conf.5.html">resolv.conf(5)</a>
 */
public record ResolvConf(List<InetAddress> nameservers, List<String> search, List<String> options) {
    /** Where hosts and containers have it. */
    public static final Path FILE = Path.of("/etc/resolv.conf");

    private static final int MOST_NAMESERVERS = 3;
    private static final int MOST_BYTES = 1 << 16;
    private static final int PORT = 53;
    private static final Duration LONGEST_PATIENCE = Duration.ofSeconds(30);

    public ResolvConf {
        nameservers = List.copyOf(nameservers);
        search = List.copyOf(search);
        options = List.copyOf(options);
    }

    /**
     * Reads a file; an absent one is empty. The part behind 64 KiB is not looked at.
     *
     * @throws UncheckedIOException if it cannot be read
     */
    public static ResolvConf read(Path file) {
        try (var in = Files.newInputStream(file)) {
            return parse(new String(in.readNBytes(MOST_BYTES), StandardCharsets.UTF_8));
        } catch (NoSuchFileException e) {
            return parse("");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As libc reads it: what it does not understand it skips, and of several search lines the last counts. */
    public static ResolvConf parse(String text) {
        List<InetAddress> nameservers = new ArrayList<>();
        List<String> search = List.of();
        List<String> options = new ArrayList<>();
        for (var line : text.split("\n", -1)) {
            var words = List.of(line.strip().split("\\s+"));
            var values = words.subList(1, words.size());
            switch (words.get(0)) {
                case "nameserver" -> {
                    if (!values.isEmpty() && nameservers.size() < MOST_NAMESERVERS) {
                        address(values.get(0)).ifPresent(nameservers::add);
                    }
                }
                case "search", "domain" -> search = values;
                case "options" -> options.addAll(values);
                default -> {} // a comment, or something of another system's
            }
        }
        return new ResolvConf(nameservers, search, options);
    }

    private static Optional<InetAddress> address(String word) {
        var scope = word.indexOf('%');
        var literal = scope < 0 ? word : word.substring(0, scope);
        try {
            var address = Subnet.parseAddress(literal);
            return Optional.of(scope < 0 ? address : scoped(address, word.substring(scope + 1)));
        } catch (InvalidSpecException | UnknownHostException | SocketException e) {
            return Optional.empty(); // a name perhaps, which must not be looked up; or the interface is gone
        }
    }

    private static InetAddress scoped(InetAddress address, String name) throws UnknownHostException, SocketException {
        var link = NetworkInterface.getByName(name);
        if (link == null) {
            throw new UnknownHostException(name);
        }
        return Inet6Address.getByAddress(null, address.getAddress(), link.getIndex());
    }

    /** With what a container wants in place of it. */
    public ResolvConf with(Dns dns) {
        return new ResolvConf(
                dns.servers().isEmpty() ? nameservers : dns.servers(),
                dns.search().isEmpty()
                        ? search
                        : dns.search().stream()
                                .filter(domain -> !domain.equals("."))
                                .toList(),
                dns.options().isEmpty() ? options : dns.options());
    }

    /** Without servers on loopback, where another network namespace has somebody else or nobody. */
    public ResolvConf reachableFromOthers() {
        return new ResolvConf(
                nameservers.stream()
                        .filter(server -> !server.isLoopbackAddress())
                        .toList(),
                search,
                options);
    }

    /** The servers as they are to be asked; this host's own one if the file names none, as libc has it. */
    public Upstream upstream() {
        var servers = nameservers.isEmpty() ? List.of(InetAddress.getLoopbackAddress()) : nameservers;
        var seconds = (long) number("timeout").orElse(5) * number("attempts").orElse(2);
        var patience = Duration.ofSeconds(Math.max(1, Math.min(LONGEST_PATIENCE.toSeconds(), seconds)));
        return new Upstream(
                servers.stream()
                        .map(server -> new InetSocketAddress(server, PORT))
                        .toList(),
                patience,
                options.contains("rotate"),
                options.contains("use-vc"));
    }

    private OptionalInt number(String option) {
        return options.stream()
                .filter(word -> word.matches(option + ":\\d{1,4}"))
                .mapToInt(word -> Integer.parseInt(word.substring(option.length() + 1)))
                .reduce((first, last) -> last);
    }

    /** The text of such a file. */
    @Override
    public String toString() {
        var text = new StringBuilder();
        nameservers.forEach(server ->
                text.append("nameserver ").append(server.getHostAddress()).append('\n'));
        if (!search.isEmpty()) {
            text.append("search ").append(String.join(" ", search)).append('\n');
        }
        if (!options.isEmpty()) {
            text.append("options ").append(String.join(" ", options)).append('\n');
        }
        return text.toString();
    }
}
