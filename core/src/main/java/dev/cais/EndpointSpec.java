package dev.cais;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a container is to join a network. The methods return changed copies.
 *
 * @param network name or id
 * @param aliases further names that others on that network find it by
 * @param addresses of its own choice, one of IPv4 and one of IPv6 at most
 * @param mac its interface's, as {@code 02:42:ac:11:00:02}
 * @param vlan 1 to 4094, on a network with VLANs; 0 for none said
 */
public record EndpointSpec(
        String network, List<String> aliases, List<InetAddress> addresses, Optional<String> mac, int vlan) {
    /** Of those who name none, and of the host, on a network with VLANs. */
    public static final int DEFAULT_VLAN = 1;

    private static final int LAST_VLAN = 4094;

    private static final Pattern MAC = Pattern.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}");

    /** What is asked for by name: DNS names have labels of at most 63 bytes, 253 in all. */
    private static final Pattern ALIAS = Pattern.compile("[a-zA-Z0-9_-]{1,63}(\\.[a-zA-Z0-9_-]{1,63})*");

    private static final int LONGEST_ALIAS = 253;

    public EndpointSpec {
        if (network.isEmpty()) {
            throw new InvalidSpecException("cannot join a network: its name is empty");
        }
        for (var alias : aliases) {
            if (alias.length() > LONGEST_ALIAS || !ALIAS.matcher(alias).matches()) {
                throw new InvalidSpecException("cannot join network " + network + " as '" + alias
                        + "': an alias has parts of 1 to 63 letters, digits, hyphens and underscores between"
                        + " dots, 253 in all");
            }
        }
        if (addresses.stream()
                        .map(address -> address.getAddress().length)
                        .distinct()
                        .count()
                != addresses.size()) {
            throw new InvalidSpecException("cannot join network " + network + " with addresses " + addresses
                    + ": it is one of IPv4 and one of IPv6 at most");
        }
        mac.ifPresent(text -> {
            if (!MAC.matcher(text).matches() || (Integer.parseInt(text.substring(0, 2), 16) & 1) != 0) {
                throw new InvalidSpecException("cannot join network " + network + " with MAC address " + text
                        + ": it is not as 02:42:ac:11:00:02, or is of a group");
            }
        });
        if (vlan < 0 || vlan > LAST_VLAN) {
            throw new InvalidSpecException(
                    "cannot join network " + network + " in VLAN " + vlan + ": out of range; choose 1 to " + LAST_VLAN);
        }
        aliases = List.copyOf(aliases);
        addresses = List.copyOf(addresses);
    }

    /** @param network name or id */
    public static EndpointSpec of(String network) {
        return new EndpointSpec(network, List.of(), List.of(), Optional.empty(), 0);
    }

    public static EndpointSpec of(Network network) {
        return of(network.name());
    }

    public EndpointSpec alias(String... more) {
        var all = new ArrayList<>(aliases);
        all.addAll(Arrays.asList(more));
        return new EndpointSpec(network, all, addresses, mac, vlan);
    }

    /**
     * Adds an address.
     *
     * @param number as {@code 10.1.2.3} or {@code fd00::1}
     */
    public EndpointSpec address(String number) {
        var all = new ArrayList<>(addresses);
        all.add(Subnet.parseAddress(number));
        return new EndpointSpec(network, aliases, all, mac, vlan);
    }

    public EndpointSpec mac(String changed) {
        return new EndpointSpec(network, aliases, addresses, Optional.of(changed.toLowerCase(Locale.ROOT)), vlan);
    }

    /** So that it reaches only containers with the same number, on a network with VLANs ({@link NetworkSpec#withVlans}). */
    public EndpointSpec vlan(int number) {
        return new EndpointSpec(network, aliases, addresses, mac, number);
    }
}
