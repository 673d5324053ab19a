package dev.cais.image.registry;

import dev.cais.InvalidSpecException;
import dev.cais.Subnet;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The servers that {@code NO_PROXY} names, each but the last with a port or without: names, which stand for themselves and what is
 * below them ({@code .name} and {@code *.name} are the same), addresses, subnets as in {@code 10.0.0.0/8}, and {@code *} for all. An
 * address or a subnet excepts who is asked for by address; no name is looked up. What cannot be read excepts nobody.
 */
record NoProxy(List<Entry> entries) {
    private static final int ANY = 0;

    private sealed interface Entry {
        boolean excepts(Endpoint endpoint);
    }

    private record All() implements Entry {
        @Override
        public boolean excepts(Endpoint endpoint) {
            return true;
        }
    }

    /** @param port or {@link #ANY} */
    private record Name(String name, int port) implements Entry {
        @Override
        public boolean excepts(Endpoint endpoint) {
            var host = endpoint.host().toLowerCase(Locale.ROOT);
            return isPort(port, endpoint) && (host.equals(name) || host.endsWith("." + name));
        }
    }

    private record Addresses(Subnet subnet, int port) implements Entry {
        @Override
        public boolean excepts(Endpoint endpoint) {
            return isPort(port, endpoint)
                    && address(endpoint.host()).filter(subnet::contains).isPresent();
        }
    }

    /** @param list with commas in between */
    static NoProxy parse(String list) {
        return new NoProxy(Stream.of(list.split(",", -1))
                .map(text -> text.strip().toLowerCase(Locale.ROOT))
                .filter(text -> !text.isEmpty())
                .flatMap(text -> entry(text).stream())
                .toList());
    }

    boolean excepts(Endpoint endpoint) {
        return entries.stream().anyMatch(entry -> entry.excepts(endpoint));
    }

    private static Optional<Entry> entry(String text) {
        if (text.equals("*")) {
            return Optional.of(new All());
        }
        var slash = text.indexOf('/');
        if (slash > 0) {
            return subnet(text.substring(0, slash), text.substring(slash + 1));
        }
        try {
            var hasPort = text.startsWith("[") || text.indexOf(':') == text.lastIndexOf(':') && text.indexOf(':') > 0;
            var server = hasPort ? Endpoint.parse("", text) : new Endpoint("", text, ANY);
            var port = text.endsWith("]") ? ANY : server.port();
            return Optional.of(address(server.host())
                    .<Entry>map(address -> new Addresses(Subnet.around(address, 8 * address.getAddress().length), port))
                    .orElseGet(() -> new Name(server.host().replaceFirst("^\\*?\\.", ""), port)));
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }

    private static Optional<Entry> subnet(String address, String prefix) {
        try {
            return address(address).map(first -> new Addresses(Subnet.around(first, Integer.parseInt(prefix)), ANY));
        } catch (InvalidSpecException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static boolean isPort(int port, Endpoint endpoint) {
        return port == ANY || port == endpoint.port();
    }

    /** Empty for what is none. */
    private static Optional<InetAddress> address(String text) {
        try {
            return Optional.of(Subnet.parseAddress(text));
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }
}
