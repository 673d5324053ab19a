package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Subnet;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Which addresses of a subnet are taken. The next one is given out, not the lowest: what others remember of a neighbour that is gone
 * is forgotten by the time its address comes round again.
 */
final class Leases {
    /** Of a large subnet, only the first are given out. */
    private static final long MOST = 1 << 16;

    private final Subnet subnet;
    private final Subnet range;
    private final long size;
    private final int reserved;
    private final Set<InetAddress> taken = new HashSet<>();
    /** Index of the link behind which other engines may have the same subnet. */
    private final OptionalInt wire;

    private final Map<InetAddress, WireAddress> onWire = new HashMap<>();
    private long next;

    /**
     * Without the first address and, in IPv4, the last one, which mean the subnet itself and all in it.
     *
     * @param range part of the subnet, or all of it: what is given out to those who want none in particular
     * @param wire index of the parent of a macvlan or ipvlan; addresses that others took on it are left alone
     */
    Leases(Subnet subnet, InetAddress gateway, Subnet range, OptionalInt wire) {
        this.wire = wire;
        this.subnet = subnet;
        this.range = range;
        this.size = Math.min(range.size(), MOST);
        taken.add(subnet.address());
        taken.add(gateway);
        if (!subnet.isIpv6()) {
            taken.add(subnet.address(subnet.size() - 1));
        }
        reserved = taken.size();
    }

    /** How many have been taken and not been given back. */
    synchronized int inUse() {
        return taken.size() - reserved;
    }

    /** How many are left for those who want none in particular. */
    synchronized int available() {
        var inRange = taken.stream()
                .filter(address -> range.contains(address) && range.indexOf(address) < size)
                .count();
        return (int) (size - inRange);
    }

    /** @throws ConflictException that begins with {@code cannot} if there is none left */
    synchronized InetAddress take(String cannot) {
        for (var tries = 0; tries < size; tries++) {
            var address = range.address(next);
            next = (next + 1) % size;
            if (tryTake(address)) {
                return address;
            }
        }
        throw new ConflictException(
                cannot + ": all addresses are taken",
                Map.of(range.equals(subnet) ? "subnet" : "range", range),
                "make the network with a larger " + (range.equals(subnet) ? "subnet" : "range"));
    }

    /** @throws ConflictException that begins with {@code cannot} if it is taken */
    synchronized void take(String cannot, InetAddress wanted) {
        if (!tryTake(wanted)) {
            throw new ConflictException(
                    cannot + ": address " + wanted.getHostAddress() + " is taken", Map.of("subnet", subnet), "");
        }
    }

    private boolean tryTake(InetAddress address) {
        if (!taken.add(address)) {
            return false;
        }
        try (var undo = new Undo()) {
            undo.addStep(() -> taken.remove(address));
            if (wire.isPresent()) {
                var claimed = WireAddress.take(wire.getAsInt(), address);
                if (claimed.isEmpty()) {
                    return false;
                }
                onWire.put(address, claimed.get());
            }
            undo.keepAll();
            return true;
        }
    }

    synchronized void giveBack(InetAddress address) {
        taken.remove(address);
        var claimed = onWire.remove(address);
        if (claimed != null) {
            claimed.close();
        }
    }
}
