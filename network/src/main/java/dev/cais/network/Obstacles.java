package dev.cais.network;

import dev.cais.network.netlink.NftTable;
import dev.cais.network.netlink.Nftables;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Finds the chains of others that stand in the way of packets. */
final class Obstacles {
    /** Those that see packets between links, as the program nft calls them. */
    private static final Map<Integer, String> FAMILIES = Map.of(1, "inet", 2, "ip", 10, "ip6");
    /** Chains of the program ufw, in the tables of iptables and ip6tables. */
    private static final Pattern UFW = Pattern.compile("ufw6?-before-forward");

    private Obstacles() {}

    /**
     * Chains of others that drop what they do not know, by their policy or their last rule, on the ways that packets of containers take:
     * {@code ip filter FORWARD} where Docker or ufw is active, {@code inet firewalld filter_FORWARD}. What the host itself sends to a
     * published port does not come by them.
     *
     * @param own table of the engine
     */
    static List<Obstacle> among(Nftables nftables, NftTable own) {
        var obstacles = new ArrayList<Obstacle>();
        var chains = nftables.chains();
        var ufw = nftables.innerChains().stream()
                .anyMatch(chain -> UFW.matcher(chain.name()).matches());
        for (var way : Obstacle.Way.values()) {
            chains.stream()
                    .filter(chain -> chain.hook() == way.hook()
                            && FAMILIES.containsKey(chain.family())
                            && !chain.table().equals(own.name())
                            && (chain.drops() || nftables.endsInRefusal(chain)))
                    .map(chain -> obstacle(way, chain, ufw))
                    .sorted(Comparator.comparing(Obstacle::chain))
                    .forEach(obstacles::add);
            for (var ipv6 : new boolean[] {false, true}) {
                if (LegacyIptables.drops(way, ipv6)) {
                    var program = ipv6 ? "ip6tables-legacy" : "iptables-legacy";
                    obstacles.add(Obstacle.ofIptables(way, program + " " + way, program));
                }
            }
        }
        return obstacles;
    }

    private static Obstacle obstacle(Obstacle.Way way, Nftables.Chain chain, boolean ufw) {
        var name = FAMILIES.get(chain.family()) + " " + chain.table() + " " + chain.name();
        if (ufw && (name.equals("ip filter " + way) || name.equals("ip6 filter " + way))) {
            return Obstacle.ofUfw(way, name);
        }
        if (name.equals("ip filter " + way)) {
            return Obstacle.ofIptables(way, name, "iptables");
        }
        if (name.equals("ip6 filter " + way)) {
            return Obstacle.ofIptables(way, name, "ip6tables");
        }
        return chain.table().equals("firewalld") ? Obstacle.ofFirewalld(way, name) : Obstacle.ofNft(way, name);
    }
}
