package dev.cais.network.dns;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The names of one network at one moment. Immutable but for whose turn it is: a name that several have (an alias of a service) gives
 * its addresses in rotation. Safe for any thread.
 */
public final class Zone {
    public static final Zone EMPTY = of(List.of());

    /** What the host is called by its containers: ours, Docker's and Podman's name for it. */
    public static final List<String> HOST_NAMES =
            List.of("host.internal", "host.docker.internal", "host.containers.internal");

    private final List<ZoneEntry> entries;
    private final Map<String, Addresses> byName = new HashMap<>();
    private final Map<InetAddress, Set<String>> byAddress = new HashMap<>();

    private Zone(List<ZoneEntry> entries) {
        this.entries = entries;
        Map<String, Set<InetAddress>> addresses = new HashMap<>();
        for (var entry : entries) {
            for (var name : entry.names()) {
                addresses.computeIfAbsent(name, none -> new LinkedHashSet<>()).addAll(entry.addresses());
            }
            entry.names().stream()
                    .findFirst()
                    .ifPresent(name -> entry.addresses()
                            .forEach(address -> byAddress
                                    .computeIfAbsent(address, none -> new LinkedHashSet<>())
                                    .add(name)));
        }
        addresses.forEach((name, all) -> byName.put(name, new Addresses(all)));
    }

    public static Zone of(Collection<ZoneEntry> entries) {
        return new Zone(List.copyOf(entries));
    }

    /** The zone and one more in it, behind the others. */
    public Zone with(ZoneEntry entry) {
        var more = new ArrayList<>(entries);
        more.add(entry);
        return new Zone(List.copyOf(more));
    }

    /** The zone without one that is in it; the same if it is not. */
    public Zone without(ZoneEntry entry) {
        var fewer = new ArrayList<>(entries);
        return fewer.remove(entry) ? new Zone(List.copyOf(fewer)) : this;
    }

    /** The addresses of a name, those whose turn it is first. */
    private static final class Addresses {
        private final List<InetAddress> ofIpv4;
        private final List<InetAddress> ofIpv6;
        /** Apart, since clients ask for both kinds in turn. */
        private final AtomicInteger turnOfIpv4 = new AtomicInteger();

        private final AtomicInteger turnOfIpv6 = new AtomicInteger();

        Addresses(Collection<InetAddress> all) {
            ofIpv4 = all.stream().filter(Inet4Address.class::isInstance).toList();
            ofIpv6 = all.stream()
                    .filter(address -> !(address instanceof Inet4Address))
                    .toList();
        }

        List<InetAddress> next(boolean ipv6) {
            return ipv6 ? next(ofIpv6, turnOfIpv6) : next(ofIpv4, turnOfIpv4);
        }

        private static List<InetAddress> next(List<InetAddress> addresses, AtomicInteger turn) {
            if (addresses.size() < 2) {
                return addresses;
            }
            var rotated = new ArrayList<>(addresses);
            Collections.rotate(rotated, -Math.floorMod(turn.getAndIncrement(), addresses.size()));
            return rotated;
        }
    }

    /**
     * The addresses of one kind that a name has.
     *
     * @param name in small letters, without a dot at its end
     * @return empty if nobody has the name; an empty list if somebody has, but no such address
     */
    Optional<List<InetAddress>> addresses(String name, boolean ipv6) {
        return Optional.ofNullable(byName.get(name)).map(addresses -> addresses.next(ipv6));
    }

    boolean knows(String name) {
        return byName.containsKey(name);
    }

    /** What those with the address are called; empty if nobody has it. */
    Set<String> names(InetAddress address) {
        return byAddress.getOrDefault(address, Set.of());
    }

    /** All names with their addresses, in no order. */
    @Override
    public String toString() {
        var all = new LinkedHashMap<String, Object>();
        entries.forEach(entry -> entry.names().forEach(name -> all.put(name, entry.addresses())));
        return "Zone" + all;
    }
}
