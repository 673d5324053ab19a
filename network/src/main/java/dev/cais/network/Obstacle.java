package dev.cais.network;

/**
 * A chain of somebody else's that drops what it does not know, on a way that packets of containers take. A packet that one chain drops
 * is dropped, whatever others say.
 *
 * @param chain family, table and chain, as the program nft writes them; {@code iptables-legacy FORWARD} for those it does not see
 * @param help commands of the shell that have it let pass what comes from and goes to containers
 */
public record Obstacle(Way way, String chain, String help) {
    /** Where it stands. */
    public enum Way {
        /** Between containers and the outside: networks have no way out, and others none to published ports. */
        FORWARD(2),
        /** Between containers and the host itself: they do not reach its services, nor what this process relays. */
        INPUT(1);

        private final int hook;

        Way(int hook) {
            this.hook = hook;
        }

        /** Of a packet's hooks, in the kernel's numbers. */
        int hook() {
            return hook;
        }
    }

    /** Of what this process's user would have to allow with {@code iptables} and such. */
    static Obstacle ofIptables(Way way, String chain, String program) {
        var insert = program + " -I " + way + " ";
        return new Obstacle(
                way,
                chain,
                insert + "-i cais+ -j ACCEPT" + (way == Way.FORWARD ? "; " + insert + "-o cais+ -j ACCEPT" : ""));
    }

    /** Rules that others insert are lost when it starts again; its own are not. */
    static Obstacle ofUfw(Way way, String chain) {
        return new Obstacle(
                way,
                chain,
                way == Way.FORWARD
                        ? "ufw route allow in on cais+; ufw route allow out on cais+"
                        : "ufw allow in on cais+");
    }

    static Obstacle ofFirewalld(Way way, String chain) {
        return new Obstacle(
                way, chain, "firewall-cmd --permanent --zone=trusted --add-interface=cais+; firewall-cmd --reload");
    }

    static Obstacle ofNft(Way way, String chain) {
        var insert = "nft insert rule " + chain;
        return new Obstacle(
                way,
                chain,
                insert + " iifname 'cais*' accept"
                        + (way == Way.FORWARD ? "; " + insert + " oifname 'cais*' accept" : ""));
    }

    /** The chain. */
    @Override
    public String toString() {
        return chain;
    }
}
