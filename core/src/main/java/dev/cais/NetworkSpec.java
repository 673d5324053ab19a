package dev.cais;

import java.net.InetAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/**
 * What network to make. The methods return changed copies.
 *
 * @param name letters, digits, {@code _ . -}, the first a letter or digit
 * @param driver what connects its containers; plugins of CNI decide about all but name and labels
 * @param subnets one of IPv4 and one of IPv6 at most; where a bridge of this host alone has none, the engine chooses one that nobody uses
 * @param ranges of the subnets, one of each at most: what containers get that do not ask for an address
 * @param gateways the way to the outside, each in one of the subnets, and the first of its addresses where there is none: the host's own
 *     on a bridge, a router's on the wire of a macvlan or ipvlan
 * @param ipv6 whether it has IPv6 too
 * @param internal whether it has no way to the outside
 * @param interContainer whether its containers reach each other
 * @param mtu largest packet, 68 to 65535 bytes, 1280 at least with IPv6; 0 for what suits the driver: on a bridge with a
 *     way to the outside what the links pass that lead there when it is made, and 1500 at most
 */
public record NetworkSpec(
        String name,
        NetworkDriver driver,
        List<Subnet> subnets,
        List<Subnet> ranges,
        List<InetAddress> gateways,
        boolean ipv6,
        boolean internal,
        boolean interContainer,
        int mtu,
        Map<String, String> labels) {
    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}");
    private static final int LEAST_MTU = 68;
    private static final int LEAST_MTU_IPV6 = 1280;
    private static final int MOST_MTU = 65_535;
    private static final int LONGEST_IPV4_PREFIX = 30;
    private static final int LONGEST_IPV6_PREFIX = 126;

    public NetworkSpec {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidSpecException("cannot name a network '" + name + "': it does not match " + NAME);
        }
        var cannot = "cannot make network " + name;
        subnets = List.copyOf(subnets);
        gateways = List.copyOf(gateways);
        for (var subnet : subnets) {
            if (subnet.prefix() > (subnet.isIpv6() ? LONGEST_IPV6_PREFIX : LONGEST_IPV4_PREFIX)) {
                throw new InvalidSpecException(
                        cannot + ": subnet " + subnet + " has no room for a gateway and a container",
                        "choose a prefix of at most " + LONGEST_IPV4_PREFIX + ", or " + LONGEST_IPV6_PREFIX
                                + " of IPv6");
            }
        }
        if (subnets.stream().map(Subnet::isIpv6).distinct().count() != subnets.size()) {
            throw new InvalidSpecException(
                    cannot + " with subnets " + subnets + ": it is one of IPv4 and one of IPv6 at most");
        }
        for (var gateway : gateways) {
            var subnet = subnets.stream().filter(each -> each.contains(gateway)).findFirst();
            if (subnet.isEmpty()) {
                throw new InvalidSpecException(
                        cannot + ": gateway " + gateway.getHostAddress() + " is in none of its subnets",
                        Map.of("subnets", subnets),
                        "name the subnet too");
            }
            if (gateway.equals(subnet.get().address())) {
                throw new InvalidSpecException(
                        cannot + ": gateway " + gateway.getHostAddress() + " is the address of the subnet itself");
            }
        }
        if (gateways.stream()
                        .map(gateway -> gateway.getAddress().length)
                        .distinct()
                        .count()
                != gateways.size()) {
            throw new InvalidSpecException(
                    cannot + " with gateways " + gateways + ": it is one of IPv4 and one of IPv6 at most");
        }
        ipv6 = ipv6 || subnets.stream().anyMatch(Subnet::isIpv6);
        if (mtu != 0 && (mtu < (ipv6 ? LEAST_MTU_IPV6 : LEAST_MTU) || mtu > MOST_MTU)) {
            throw new InvalidSpecException(cannot + " with MTU " + mtu + ": it is not " + LEAST_MTU + " to " + MOST_MTU
                    + ", and " + LEAST_MTU_IPV6 + " at least with IPv6");
        }
        ranges = List.copyOf(ranges);
        requireRanges(cannot, subnets, ranges);
        if (driver instanceof NetworkDriver.Cni plugins
                && !(subnets.isEmpty() && gateways.isEmpty() && !ipv6 && !internal && interContainer && mtu == 0)) {
            throw new InvalidSpecException(
                    cannot + ": its plugins decide about subnets, gateways, IPv6, MTU and isolation",
                    "say so in " + plugins.configuration());
        }
        if (driver instanceof NetworkDriver.Macvlan || driver instanceof NetworkDriver.Ipvlan) {
            requireOnWire(cannot, driver, subnets, ipv6, interContainer);
        }
        if (driver instanceof NetworkDriver.Ipvlan ipvlan
                && ipvlan.mode() != NetworkDriver.IpvlanMode.L2
                && !gateways.isEmpty()) {
            throw new InvalidSpecException(
                    cannot + ": ipvlan in mode " + ipvlan.mode() + " has no gateway, since its parent routes");
        }
        if (driver instanceof NetworkDriver.Bridge bridge && bridge.vxlan().isPresent()) {
            requireNamed(cannot, "hosts that share a network agree about", subnets, ipv6);
        }
        labels = Collections.unmodifiableMap(new LinkedHashMap<>(labels));
        if (labels.containsKey("")) {
            throw new InvalidSpecException("cannot label network " + name + ": the label has no key");
        }
    }

    private static void requireRanges(String cannot, List<Subnet> subnets, List<Subnet> ranges) {
        for (var range : ranges) {
            if (subnets.stream().noneMatch(subnet -> subnet.prefix() <= range.prefix() && subnet.overlaps(range))) {
                throw new InvalidSpecException(
                        cannot + ": range " + range + " is in none of its subnets",
                        Map.of("subnets", subnets),
                        "name the subnet too");
            }
        }
        if (ranges.stream().map(Subnet::isIpv6).distinct().count() != ranges.size()) {
            throw new InvalidSpecException(
                    cannot + " with ranges " + ranges + ": it is one of IPv4 and one of IPv6 at most");
        }
    }

    /** What only the switch of a bridge could do is refused. */
    private static void requireOnWire(
            String cannot, NetworkDriver driver, List<Subnet> subnets, boolean ipv6, boolean interContainer) {
        requireNamed(cannot, driver.word() + " takes part in", subnets, ipv6);
        if (!interContainer) {
            throw new InvalidSpecException(
                    cannot + " without traffic between its containers: " + driver.word()
                            + " cannot tell them from others",
                    "choose macvlan in mode PRIVATE, or a bridge");
        }
    }

    private static void requireNamed(String cannot, String why, List<Subnet> subnets, boolean ipv6) {
        if (subnets.isEmpty() || ipv6 && subnets.stream().noneMatch(Subnet::isIpv6)) {
            throw new InvalidSpecException(
                    cannot + ": " + why + " a subnet, which the engine cannot choose", "name it");
        }
    }

    public static NetworkSpec of(String name) {
        return new NetworkSpec(
                name, NetworkDriver.BRIDGE, List.of(), List.of(), List.of(), false, false, true, 0, Map.of());
    }

    public NetworkSpec driver(NetworkDriver changed) {
        return with(draft -> draft.driver = changed);
    }

    /** {@link NetworkDriver.Macvlan} whose containers reach each other. */
    public NetworkSpec macvlan(String parent) {
        return driver(new NetworkDriver.Macvlan(parent, NetworkDriver.MacvlanMode.BRIDGE));
    }

    /** {@link NetworkDriver.Ipvlan}. */
    public NetworkSpec ipvlan(String parent, NetworkDriver.IpvlanMode mode) {
        return driver(new NetworkDriver.Ipvlan(parent, mode));
    }

    /** A bridge whose containers can be kept apart by {@link EndpointSpec#vlan}. */
    public NetworkSpec withVlans() {
        return driver(new NetworkDriver.Bridge(
                true, driver instanceof NetworkDriver.Bridge bridge ? bridge.vxlan() : Optional.empty()));
    }

    /**
     * A bridge that is one network with those of other hosts, which say the same: one subnet, another gateway and {@linkplain
     * #range(String) range} on each, and the id.
     *
     * @param local an address of this host
     * @param remotes one address of each of the others
     */
    public NetworkSpec vxlan(int id, String local, String... remotes) {
        var vxlan = new NetworkDriver.Vxlan(
                id,
                Subnet.parseAddress(local),
                Arrays.stream(remotes).map(Subnet::parseAddress).toList(),
                NetworkDriver.Vxlan.PORT,
                Optional.empty());
        return driver(new NetworkDriver.Bridge(
                driver instanceof NetworkDriver.Bridge bridge && bridge.vlans(), Optional.of(vxlan)));
    }

    /**
     * Encrypts what goes to the other hosts of a {@linkplain #vxlan VXLAN} that was named before, as Docker's {@code --opt encrypted} does.
     * The kernel must have ESP: {@link Networks#create} says if it has not.
     *
     * @param secret the same on all hosts
     */
    public NetworkSpec encrypted(VxlanSecret secret) {
        return changeVxlan("cannot encrypt network " + name, vxlan -> vxlan.encrypted(secret));
    }

    /** Has a {@linkplain #vxlan VXLAN} that was named before on another port than 4789. */
    public NetworkSpec vxlanPort(int port) {
        return changeVxlan("cannot choose port " + port + " for network " + name, vxlan -> vxlan.port(port));
    }

    private NetworkSpec changeVxlan(String cannot, UnaryOperator<NetworkDriver.Vxlan> change) {
        if (driver instanceof NetworkDriver.Bridge bridge && bridge.vxlan().isPresent()) {
            return driver(
                    new NetworkDriver.Bridge(bridge.vlans(), bridge.vxlan().map(change)));
        }
        throw new InvalidSpecException(cannot + ": it is of this host alone", "name the others first: vxlan(…)");
    }

    public NetworkSpec subnet(Subnet more) {
        var all = new ArrayList<>(subnets);
        all.add(more);
        return with(draft -> draft.subnets = all);
    }

    /** @param more as {@code 10.1.2.0/24} or {@code fd00:1::/64} */
    public NetworkSpec subnet(String more) {
        return subnet(Subnet.parse(more));
    }

    /** @param more part of a subnet that is given already, as {@code 10.1.2.128/25}: where the engine chooses addresses */
    public NetworkSpec range(String more) {
        var all = new ArrayList<>(ranges);
        all.add(Subnet.parse(more));
        return with(draft -> draft.ranges = all);
    }

    /** @param number in one of the subnets that are given already */
    public NetworkSpec gateway(String number) {
        var all = new ArrayList<>(gateways);
        all.add(Subnet.parseAddress(number));
        return with(draft -> draft.gateways = all);
    }

    public NetworkSpec withIpv6() {
        return with(draft -> draft.ipv6 = true);
    }

    /** Without a way to the outside. */
    public NetworkSpec asInternal() {
        return with(draft -> draft.internal = true);
    }

    /** So that its containers reach the outside, and not each other. */
    public NetworkSpec withoutInterContainer() {
        return with(draft -> draft.interContainer = false);
    }

    public NetworkSpec mtu(int bytes) {
        return with(draft -> draft.mtu = bytes);
    }

    /**
     * Has plugins of the Container Network Interface connect its containers at each start, and disconnect them at each end: the
     * programs that the list names, out of {@code /opt/cni/bin} and {@code /usr/lib/cni}. Published ports are for those with the
     * capability {@code portMappings}. What plugins keep for themselves, as bridges, stays; and if this process is killed, what they have
     * made for containers.
     *
     * @param configuration a {@code .conflist} file, read when the network is made
     * @see <a href="https://github.com/containernetworking/cni/blob/v1.1.0/SPEC.md">Container Network Interface 1.0</a>
     */
    public NetworkSpec cni(Path configuration) {
        return driver(new NetworkDriver.Cni(configuration));
    }

    public NetworkSpec label(String key, String value) {
        return with(draft -> draft.labels = Added.to(labels, key, value));
    }

    /** The gateway of a subnet. */
    public InetAddress gateway(Subnet subnet) {
        Optional<InetAddress> named = gateways.stream().filter(subnet::contains).findFirst();
        return named.orElseGet(() -> subnet.address(1));
    }

    /** Where addresses of a subnet are chosen: all of it, if nothing else was said. */
    public Subnet range(Subnet subnet) {
        return ranges.stream().filter(subnet::overlaps).findFirst().orElse(subnet);
    }

    private NetworkSpec with(Consumer<Draft> change) {
        var draft = new Draft(this);
        change.accept(draft);
        return new NetworkSpec(
                name,
                draft.driver,
                draft.subnets,
                draft.ranges,
                draft.gateways,
                draft.ipv6,
                draft.internal,
                draft.interContainer,
                draft.mtu,
                draft.labels);
    }

    /** The fields, open for a change. */
    private static final class Draft {
        private NetworkDriver driver;
        private List<Subnet> subnets;
        private List<Subnet> ranges;
        private List<InetAddress> gateways;
        private boolean ipv6;
        private boolean internal;
        private boolean interContainer;
        private int mtu;
        private Map<String, String> labels;

        Draft(NetworkSpec base) {
            driver = base.driver;
            subnets = base.subnets;
            ranges = base.ranges;
            gateways = base.gateways;
            ipv6 = base.ipv6;
            internal = base.internal;
            interContainer = base.interContainer;
            mtu = base.mtu;
            labels = base.labels;
        }
    }
}
