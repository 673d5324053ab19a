package dev.cais.runtime;

import dev.cais.NetworkDriver;
import dev.cais.Subnet;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Abi;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.InetSocket;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.network.Firewall;
import dev.cais.network.HostSettings;
import dev.cais.network.netlink.LinkAddress;
import dev.cais.network.netlink.Netlink;
import dev.cais.network.netlink.Route;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.Outlet;
import dev.cais.network.relay.SocketMaker;
import dev.cais.runtime.launch.Deputy;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The network namespace of an engine without root: no link leads out of it, and the engine's loop carries what leaves and what comes
 * in. A deputy opens sockets there, which this process then uses as if they were its own: whoever made a user namespace has all rights
 * over what belongs to it.
 */
final class OwnGround implements NetworkGround {
    private static final String CANNOT = "cannot prepare the engine's own network namespace";
    private static final List<String> LIMITS = List.of(
            "networks stand in a namespace of this engine's own: this process carries TCP and UDP between them and the outside, and"
                    + " nothing else, so a ping to the outside is refused",
            "whoever comes by a published port has the address of the network's gateway for the container");

    /** Nobody's: only the way there is asked for. */
    private static final InetSocketAddress FAR = new InetSocketAddress(Subnet.parseAddress("192.0.2.1"), 9);

    private static final InetSocketAddress FAR6 = new InetSocketAddress(Subnet.parseAddress("2001:db8::1"), 9);

    private final EventLoop loop;
    private final Predicate<InetAddress> isGateway;
    private final Deputy deputy;
    private final SpareSockets spares;
    private final Rtnetlink host;
    private @Nullable Outlet outlet;

    /**
     * @param deputy inside; closed with this
     * @param workers for what may wait
     * @param isGateway whether an address is that of one of the engine's bridges; for the event loop
     */
    OwnGround(Deputy deputy, EventLoop loop, Executor workers, Predicate<InetAddress> isGateway) {
        this.deputy = deputy;
        this.loop = loop;
        this.isGateway = isGateway;
        this.spares = new SpareSockets(deputy, workers);
        this.host = Rtnetlink.open();
    }

    @Override
    public void requireSupported(String cannot, NetworkDriver driver) {
        var what = driver instanceof NetworkDriver.Bridge bridge
                ? bridge.vxlan().map(vxlan -> "a VXLAN").orElse("")
                : "one of type " + driver.word();
        if (!what.isEmpty()) {
            throw new UnsupportedHostException(
                    cannot + ": " + what + " needs the host's own network, which only root may change",
                    "have a bridge, or run the JVM as root");
        }
    }

    @Override
    public Rtnetlink openLinks() {
        settle(HostSettings.ofOwnNamespace());
        return Rtnetlink.of(netlink(Netlink.Family.ROUTE));
    }

    private Fd netlink(Netlink.Family family) {
        return Fd.of(Syscalls.checked(
                CANNOT,
                Syscall.SOCKET,
                deputy.socket(Abi.AF_NETLINK, Abi.SOCK_RAW | Abi.SOCK_CLOEXEC, family.number())));
    }

    /** A setting that the kernel lacks needs none; of another one that cannot be made, the rules still keep what it is for. */
    private void settle(Map<Path, String> settings) {
        settings.forEach((file, value) -> {
            var name = file.toString().getBytes(StandardCharsets.UTF_8);
            var opened = deputy.openat2(Abi.AT_FDCWD, name, Abi.O_WRONLY, 0, 0);
            if (opened < 0) {
                return;
            }
            try (var fd = Fd.of(opened);
                    var scratch = Scratch.frame()) {
                var bytes = value.getBytes(StandardCharsets.UTF_8);
                Syscalls.call(Syscall.WRITE, fd.number(), scratch.bytes(bytes), bytes.length);
            }
        });
    }

    /** Once there are rules, what no bridge leads to is here, so that the rules get to see it. */
    @Override
    public Firewall openFirewall(String name) {
        var firewall = Firewall.openWithOutlet(name, netlink(Netlink.Family.NETFILTER));
        try (var links = Rtnetlink.of(netlink(Netlink.Family.ROUTE))) {
            links.execute(Route.allIsHere(false).add());
            if (HostSettings.hasIpv6()) {
                links.execute(Route.allIsHere(true).add());
            }
            spares.begin(HostSettings.hasIpv6());
            outlet = Outlet.open(loop, spares, HostSettings.hasIpv6(), this::way);
            return firewall;
        } catch (RuntimeException e) {
            firewall.close();
            throw e;
        }
    }

    /** Never to the host's loopback: what listens there alone trusts who is on the host. */
    private Optional<InetSocketAddress> way(InetSocketAddress asked) {
        var address = asked.getAddress();
        if (isGateway.test(address)) {
            return hostAddress(address instanceof Inet6Address).map(own -> new InetSocketAddress(own, asked.getPort()));
        }
        var nobody = address.isLoopbackAddress()
                || address.isAnyLocalAddress()
                || address.isMulticastAddress()
                || address instanceof Inet6Address && address.isLinkLocalAddress();
        return nobody ? Optional.empty() : Optional.of(asked);
    }

    /** The one that the host has for others far away, or else the first that others have a way to. */
    private Optional<InetAddress> hostAddress(boolean ipv6) {
        var far = ipv6 ? FAR6 : FAR;
        try (var probe = InetSocket.open(far.getAddress(), Abi.SOCK_DGRAM, Abi.IPPROTO_UDP)) {
            if (probe.connect(far) == 0) {
                return Optional.of(probe.localAddress().getAddress()).filter(OwnGround::isForOthers);
            }
        }
        return host.addresses().stream()
                .map(LinkAddress::address)
                .filter(address -> address instanceof Inet6Address == ipv6 && isForOthers(address))
                .findFirst();
    }

    private static boolean isForOthers(InetAddress address) {
        return !address.isLoopbackAddress() && !address.isLinkLocalAddress();
    }

    @Override
    public boolean translates() {
        return false;
    }

    @Override
    public SocketMaker sockets() {
        return spares;
    }

    @Override
    public List<Route> routesElsewhere() {
        return host.routes();
    }

    /** Each time all of it: a module that has come since may have brought settings of its own. */
    @Override
    public void shield(String bridge, boolean ipv6) {
        settle(HostSettings.ofOwnNamespace());
        settle(HostSettings.ofBridge(bridge, ipv6));
    }

    @Override
    public List<String> passOn(boolean ipv6) {
        return LIMITS;
    }

    @Override
    public void close() {
        try (var undo = new Undo()) {
            undo.add(deputy);
            undo.add(host);
            undo.add(spares);
            if (outlet != null) {
                undo.add(outlet);
            }
        }
    }
}
