package dev.cais.runtime;

import dev.cais.NetworkDriver;
import dev.cais.network.Firewall;
import dev.cais.network.HostSettings;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.SocketMaker;
import java.util.List;

/** The host's network namespace, which is this process's: bridges stand there, and the kernel translates and routes. */
final class HostGround implements NetworkGround {
    @Override
    public void requireSupported(String cannot, NetworkDriver driver) {
        // as far as the kernel has it, which its messages tell
    }

    @Override
    public Rtnetlink openLinks() {
        return Rtnetlink.open();
    }

    @Override
    public Firewall openFirewall(String name) {
        return Firewall.open(name);
    }

    @Override
    public boolean translates() {
        return true;
    }

    @Override
    public SocketMaker sockets() {
        return SocketMaker.HERE;
    }

    @Override
    public List<Route> routesElsewhere() {
        return List.of();
    }

    @Override
    public void shield(String bridge, boolean ipv6) {
        HostSettings.shield(bridge, ipv6);
    }

    @Override
    public List<String> passOn(boolean ipv6) {
        return HostSettings.passOn(ipv6);
    }

    @Override
    public void close() {
        // nothing is held
    }
}
