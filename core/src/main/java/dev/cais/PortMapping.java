package dev.cais;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One port to publish: connections to a port of the host reach the container's.
 *
 * @param addresses of the host, on all of which the port is the same; 127.0.0.1 unless others are asked for. {@code 0.0.0.0} stands
 *     for all of IPv4, {@code ::} for all of IPv6
 * @param host the first port that will do; 0 for one that the engine chooses
 * @param lastHost the last one: the first that is free is taken
 * @param container the port in the container
 */
public record PortMapping(List<InetAddress> addresses, int host, int lastHost, int container, Protocol protocol) {
    private static final List<InetAddress> LOOPBACK = List.of(Subnet.parseAddress("127.0.0.1"));
    private static final int MOST = 65_535;
    private static final String RANGE = "([0-9]{1,5})(?:-([0-9]{1,5}))?";
    private static final Pattern TEXT = Pattern.compile(
            "(?:([0-9]+\\.[0-9.]+|\\[[0-9a-fA-F:.]+]):)?(?:(?:" + RANGE + ")?:)?" + RANGE + "(?:/([a-z]+))?");

    public PortMapping {
        if (addresses.isEmpty()) {
            throw new InvalidSpecException("cannot publish a port: no address of the host is given");
        }
        addresses = List.copyOf(addresses);
        if (host != 0 || lastHost != 0) {
            require("host", host);
            require("host", lastHost);
        }
        require("container", container);
        if (lastHost < host) {
            throw new InvalidSpecException(
                    "cannot publish a port: the last port of the host, " + lastHost + ", is before the first, " + host);
        }
    }

    private static void require(String side, int port) {
        if (port < 1 || port > MOST) {
            throw new InvalidSpecException(
                    "cannot publish a port: " + side + " port is out of range",
                    Map.of("ports." + side, port),
                    "choose 1 to " + MOST);
        }
    }

    /** A TCP port, at one of 127.0.0.1 that the engine chooses. */
    public static PortMapping of(int container) {
        return new PortMapping(LOOPBACK, 0, 0, container, Protocol.TCP);
    }

    /** A TCP port, at that one of 127.0.0.1. */
    public static PortMapping of(int host, int container) {
        require("host", host);
        return new PortMapping(LOOPBACK, host, host, container, Protocol.TCP);
    }

    /**
     * Reads what {@code docker run -p} takes: {@code [address:][host:]container[/protocol]}. A port may be a range: as many of the host
     * as of the container go together one by one, and of several for one the first that is free is taken.
     *
     * @param text as {@code 80}, {@code 8080:80}, {@code 0.0.0.0:8080:80}, {@code [fd00::1]::80}, {@code 8000-8009:80}, {@code 53:53/udp}
     * @return one for each port of the container
     */
    public static List<PortMapping> parse(String text) {
        var matched = TEXT.matcher(text);
        if (!matched.matches()) {
            throw new InvalidSpecException(
                    "cannot read published port '" + text
                            + "': it is not as 80, 8080:80, 127.0.0.1:8080:80/tcp or 8000-8009:80",
                    "an IPv6 address stands in brackets");
        }
        var address = matched.group(1);
        var addresses = address == null
                ? LOOPBACK
                : List.of(Subnet.parseAddress(
                        address.startsWith("[") ? address.substring(1, address.length() - 1) : address));
        var host = matched.group(2) == null ? 0 : Integer.parseInt(matched.group(2));
        var lastHost = matched.group(3) == null ? host : Integer.parseInt(matched.group(3));
        var container = Integer.parseInt(matched.group(4));
        var lastContainer = matched.group(5) == null ? container : Integer.parseInt(matched.group(5));
        var protocol = matched.group(6) == null ? Protocol.TCP : protocol(text, matched.group(6));
        if (matched.group(2) != null) {
            require("host", host);
        }
        require("container", container);
        require("container", lastContainer);
        var count = lastContainer - container + 1;
        if (count < 1 || count > 1 && host != 0 && lastHost - host + 1 != count) {
            throw new InvalidSpecException("cannot read published port '" + text
                    + "': a range of the container's ports is not empty, and the host's, if given, is as long");
        }
        if (count == 1) {
            return List.of(new PortMapping(addresses, host, lastHost, container, protocol));
        }
        var mappings = new ArrayList<PortMapping>();
        for (var i = 0; i < count; i++) {
            var port = host == 0 ? 0 : host + i;
            mappings.add(new PortMapping(addresses, port, port, container + i, protocol));
        }
        return mappings;
    }

    private static Protocol protocol(String text, String word) {
        return Arrays.stream(Protocol.values())
                .filter(protocol -> protocol.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new InvalidSpecException("cannot read published port '" + text + "': " + word
                        + " is none of "
                        + Arrays.stream(Protocol.values()).map(Protocol::word).collect(Collectors.joining(", "))));
    }

    /** On these addresses of the host instead. */
    public PortMapping on(String... numbers) {
        return new PortMapping(
                Arrays.stream(numbers).map(Subnet::parseAddress).toList(), host, lastHost, container, protocol);
    }

    public PortMapping protocol(Protocol changed) {
        return new PortMapping(addresses, host, lastHost, container, changed);
    }

    /** At the first port of the host from one to another that is free. */
    public PortMapping hostRange(int first, int last) {
        require("host", first);
        return new PortMapping(addresses, first, last, container, protocol);
    }

    /** {@code 127.0.0.1:8080:80/tcp}. */
    @Override
    public String toString() {
        var ports = host == 0 ? "" : host == lastHost ? String.valueOf(host) : host + "-" + lastHost;
        return addresses.stream().map(PortBinding::shown).collect(Collectors.joining(",")) + ":" + ports + ":"
                + container + "/" + protocol.word();
    }
}
