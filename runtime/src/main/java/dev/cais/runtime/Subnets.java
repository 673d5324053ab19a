package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.NetworkOptions;
import dev.cais.NetworkSpec;
import dev.cais.Subnet;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Which subnets an engine's bridges may have. The host's routes tell what is taken, by whomever: a claim is a bridge's address, so it
 * holds against all engines of all JVMs, and goes with the bridge. Of several claims to one subnet the kernel keeps the routes in the
 * order in which they came, so whoever is first needs no lock to know it.
 */
final class Subnets {
    private static final int IPV6_PREFIX = 64;
    private static final int MOST_SUBNET_BITS = 16;
    private static final int MOST_TRIES = 4096;
    private static final int MOST_ROUNDS = 16;
    /** Elsewhere, links have numbers of their own. */
    private static final int NO_LINK = -1;

    private final Rtnetlink links;
    private final Supplier<List<Route>> elsewhere;
    private final NetworkOptions options;
    private final String engineId;

    /**
     * @param links of the namespace that bridges stand in
     * @param elsewhere routes that the host has besides
     */
    Subnets(Rtnetlink links, Supplier<List<Route>> elsewhere, NetworkOptions options, String engineId) {
        this.links = links;
        this.elsewhere = elsewhere;
        this.options = options;
        this.engineId = engineId;
    }

    /**
     * Gives a bridge its address in the subnet that its network asks for, which a wider route of the host's may lead to; or else in
     * one that nobody has. Where to look first is left to chance, so that engines hardly ever try the same one.
     *
     * @throws ConflictException that begins with {@code cannot}
     */
    Subnet claim(String cannot, NetworkSpec spec, int bridge, boolean ipv6) {
        var asked = spec.subnets().stream()
                .filter(subnet -> subnet.isIpv6() == ipv6)
                .findFirst();
        return asked.isPresent() ? take(cannot, spec, bridge, asked.get()) : choose(cannot, spec, bridge, ipv6);
    }

    private Subnet take(String cannot, NetworkSpec spec, int bridge, Subnet wanted) {
        var other = tryToTake(spec, bridge, wanted, route -> route.prefix() >= wanted.prefix())
                .inTheWay();
        if (other.isPresent()) {
            throw new ConflictException(
                    cannot + ": subnet " + wanted + " is in use on this host",
                    Map.of("route", other.get()),
                    "choose another one, or leave the choice to the engine");
        }
        return wanted;
    }

    private Subnet choose(String cannot, NetworkSpec spec, int bridge, boolean ipv6) {
        var pools = ipv6 ? List.of(uniqueLocal()) : options.pools();
        var prefix = ipv6 ? IPV6_PREFIX : options.prefix();
        for (var round = 0; round < MOST_ROUNDS; round++) {
            var contended = false;
            for (var pool : pools) {
                var count = 1L << Math.min(prefix - pool.prefix(), MOST_SUBNET_BITS);
                var first = ThreadLocalRandom.current().nextLong(count);
                var taken = links.routes();
                var takenElsewhere = elsewhere.get();
                for (var i = 0L; i < Math.min(count, MOST_TRIES); i++) {
                    var subnet = subnet(pool, prefix, (first + i) % count);
                    if (inTheWay(taken, bridge, subnet, route -> true).isEmpty()
                            && inTheWay(takenElsewhere, NO_LINK, subnet, route -> true)
                                    .isEmpty()) {
                        var tried = tryToTake(spec, bridge, subnet, route -> true);
                        if (tried.inTheWay().isEmpty()) {
                            return subnet;
                        }
                        contended |= tried.contended();
                    }
                }
            }
            if (!contended) {
                break; // what nobody kept may be free by now, or else there is none
            }
        }
        throw new ConflictException(
                cannot + ": no subnet is left that this host has no route to",
                Map.of("pools", pools, "prefix", prefix),
                "name one, or open the engine with other pools (EngineOptions.networks)");
    }

    private static Subnet subnet(Subnet pool, int prefix, long number) {
        var bytes = new BigInteger(1, pool.address().getAddress())
                .add(BigInteger.valueOf(number).shiftLeft((pool.isIpv6() ? 128 : 32) - prefix))
                .toByteArray();
        var address = new byte[pool.isIpv6() ? 16 : 4];
        var length = Math.min(bytes.length, address.length);
        System.arraycopy(bytes, bytes.length - length, address, address.length - length, length);
        return new Subnet(Subnet.address(address), prefix);
    }

    /** RFC 4193, with the engine's id for the random bits. */
    private Subnet uniqueLocal() {
        var id = engineId;
        return Subnet.parse("fd%s:%s:%s::/48".formatted(id.substring(0, 2), id.substring(2, 6), id.substring(6, 10)));
    }

    /**
     * What became of a claim.
     *
     * @param inTheWay a route of somebody else; empty if the subnet is ours
     * @param contended whether that one came at the same moment, and may have given up, too
     */
    private record Claim(Optional<Route> inTheWay, boolean contended) {}

    /**
     * Gives the bridge its address in a subnet, if the host has no route to a part of it, and looks again afterwards: of engines that
     * come at the same moment the first keeps it; of two whose subnets overlap only in part both see the other, and nobody does.
     */
    private Claim tryToTake(NetworkSpec spec, int bridge, Subnet subnet, Predicate<Subnet> counts) {
        var before = inTheWay(links.routes(), bridge, subnet, counts)
                .or(() -> inTheWay(elsewhere.get(), NO_LINK, subnet, counts));
        if (before.isPresent()) {
            return new Claim(before, false);
        }
        var address = new LinkAddress(bridge, spec.gateway(subnet), subnet.prefix());
        links.execute(address.add());
        var after = inTheWay(earlier(links.routes(), bridge, subnet), bridge, subnet, counts);
        if (after.isPresent()) {
            links.execute(address.delete());
        }
        return new Claim(after, true);
    }

    /**
     * Without those to the same subnet that came after the bridge's own, and without local addresses: each of those has a route to
     * its subnet, which tells when it came, and is there before or after it.
     */
    private static List<Route> earlier(List<Route> routes, int bridge, Subnet subnet) {
        var earlier = new ArrayList<Route>();
        var later = false;
        for (var route : routes) {
            var same = route.destination().equals(subnet);
            later |= same && route.link() == bridge;
            if (!route.isLocal() && !(same && later)) {
                earlier.add(route);
            }
        }
        return earlier;
    }

    /** Routes to everything, or to half of it as some tunnels have them, count for nothing. */
    private static Optional<Route> inTheWay(List<Route> routes, int bridge, Subnet subnet, Predicate<Subnet> counts) {
        return routes.stream()
                .filter(route -> route.link() != bridge
                        && route.destination().prefix() > 1
                        && route.destination().isIpv6() == subnet.isIpv6()
                        && counts.test(route.destination())
                        && route.destination().overlaps(subnet))
                .findFirst();
    }
}
