package dev.cais.network;

/**
 * A chain of somebody else's that drops what it does not know, on the way that packets between containers and the outside take. A
 * packet that one chain drops is dropped, whatever others say.
 *
 * @param chain family, table and chain, as the program nft writes them; {@code iptables-legacy FORWARD} for those it does not see
 * @param help commands of the shell that have it let pass what comes from and goes to containers
 */
public record Obstacle(String chain, String help) {
    /** Of what this process's user would have to allow with {@code iptables} and such. */
    static Obstacle ofIptables(String chain, String program) {
        return new Obstacle(
                chain, program + " -I FORWARD -i cais+ -j ACCEPT; " + program + " -I FORWARD -o cais+ -j ACCEPT");
    }

    static Obstacle ofFirewalld(String chain) {
        return new Obstacle(chain, "firewall-cmd --zone=trusted --add-interface=cais+");
    }

    static Obstacle ofNft(String chain) {
        var insert = "nft insert rule " + chain;
        return new Obstacle(chain, insert + " iifname 'cais*' accept; " + insert + " oifname 'cais*' accept");
    }

    /** The chain. */
    @Override
    public String toString() {
        return chain;
    }
}
