package dev.cais.runtime;

import dev.cais.Dns;
import dev.cais.KernelException;
import dev.cais.NetworkDrops;
import dev.cais.NetworkSpec;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.network.Firewall;
import dev.cais.network.HostSettings;
import dev.cais.network.Obstacle;
import dev.cais.network.dns.HostUpstream;
import dev.cais.network.dns.ResolvConf;
import dev.cais.network.dns.Resolver;
import dev.cais.network.dns.Upstream;
import dev.cais.network.netlink.LinkRequest;
import dev.cais.network.netlink.Rtnetlink;
import dev.cais.network.relay.Relay;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * What all networks of an engine share where their bridges stand, each made by the first who needs it: a socket of rtnetlink, the
 * firewall, the relay of published ports, the name service. All links are in one group, so that the {@link Will} can delete them with one
 * message.
 */
final class NetworkStack implements AutoCloseable {
    /** IPv6 needs links that pass so much, in bytes. */
    static final int LEAST_MTU_IPV6 = 1280;

    private final LocalEngine engine;
    private final Predicate<InetAddress> isGateway;
    private final AtomicInteger linkNumbers = new AtomicInteger();
    private final CopyOnWriteArrayList<String> notes = new CopyOnWriteArrayList<>();
    private final BridgedFrames frames;
    private final HostUpstream upstream = new HostUpstream(ResolvConf.FILE);
    private @Nullable NetworkGround ground;
    private @Nullable Rtnetlink links;
    private @Nullable Firewall firewall;
    /** Why there is none. */
    private @Nullable UnsupportedHostException noFirewall;

    private @Nullable Relay relay;
    private @Nullable Resolver resolver;

    /** @param isGateway whether an address is that of a bridge of this engine; for any thread, at once */
    NetworkStack(LocalEngine engine, Predicate<InetAddress> isGateway) {
        this.engine = engine;
        this.isGateway = isGateway;
        this.frames = new BridgedFrames(this, engine.loop(), engine.workers());
    }

    /** What bridges stand in; made by the first who needs it. */
    synchronized NetworkGround ground() {
        if (ground == null) {
            ground = engine.newNetworkGround(isGateway);
        }
        return ground;
    }

    /** Whether the kernel leads what comes to published ports to containers. */
    boolean translates() {
        return ground().translates() && firewall().isPresent();
    }

    /** Of the namespace that bridges stand in; opened by the first who needs it. */
    synchronized Rtnetlink links() {
        if (links == null) {
            links = ground().openLinks();
        }
        return links;
    }

    /** In the namespace that bridges stand in; made by the first who needs it. Empty if the kernel has no nf_tables, which the notes tell. */
    synchronized Optional<Firewall> firewall() {
        if (firewall == null && noFirewall == null) {
            try {
                firewall = ground().openFirewall("cais-" + engine.id());
            } catch (UnsupportedHostException e) {
                if (engine.options().strictLimits()) {
                    throw e;
                }
                noFirewall = e;
            }
        }
        return Optional.ofNullable(firewall);
    }

    /**
     * The firewall for a network, which has one unless it can do without.
     *
     * @throws UnsupportedHostException that begins with {@code cannot}
     */
    synchronized Optional<Firewall> firewall(String cannot, NetworkSpec spec) {
        var found = firewall();
        if (found.isEmpty() && spec.ipv6()) {
            throw new UnsupportedHostException(
                    cannot + " with IPv6: without nf_tables, nothing keeps others out of it",
                    Map.of(),
                    "have it without IPv6",
                    noFirewall);
        }
        return found;
    }

    /** Whether frames between ports of a bridge are filtered, so that a port must send some back. */
    boolean filtersBridgedFrames() {
        return frames.areFiltered();
    }

    /** How many packets the firewall has dropped. */
    synchronized NetworkDrops drops() {
        return firewall == null ? NetworkDrops.NONE : firewall.drops();
    }

    /** Of what comes to published ports and the kernel does not translate; made by the first that needs it. */
    synchronized Relay relay() {
        if (relay == null) {
            relay = new Relay(engine.loop());
        }
        return relay;
    }

    /** Of all its containers; made by the first that needs it. */
    synchronized Resolver resolver() {
        if (resolver == null) {
            resolver = new Resolver(engine.loop());
        }
        return resolver;
    }

    /** Whom the host asks for names that no network has. */
    Upstream upstream(Dns dns) {
        return upstream.current(dns);
    }

    /** All links of this engine are in it. */
    int group() {
        return group(engine.id());
    }

    /** @return none that the kernel or others use */
    static int group(String engineId) {
        return Integer.parseUnsignedInt(engineId.substring(0, 8), 16) | 1 << 16;
    }

    /** For the host's end of an interface. */
    String newLinkName() {
        return linkPrefix() + Integer.toString(linkNumbers.incrementAndGet() & 0xffffff, 36);
    }

    /** Of the bridge of a network. */
    String bridgeName(LocalNetwork network) {
        return linkPrefix() + network.id().substring(0, 5);
    }

    /** What the names of all links of this engine begin with. */
    private String linkPrefix() {
        return "cais" + engine.id().substring(0, 6);
    }

    /**
     * So that the kernel gives it no address of IPv6 by itself. Where IPv6 cannot be, for want of it in the kernel or with packets too
     * short for it, the kernel would not even understand that.
     *
     * @param mtu of the link, or 0
     */
    static LinkRequest withoutLinkLocal(LinkRequest link, int mtu) {
        return HostSettings.hasIpv6() && (mtu == 0 || mtu >= LEAST_MTU_IPV6) ? link.withoutLinkLocal() : link;
    }

    /** Remembers what users may want to know of this host. */
    void note(String note) {
        notes.addIfAbsent(note);
    }

    /** What was changed on this host, and who stands in the way. */
    List<String> notes() {
        var all = new ArrayList<>(notes);
        synchronized (this) {
            if (noFirewall != null) {
                all.add("networks have no way to the outside, and this process relays what comes to published ports: "
                        + noFirewall.getMessage());
            }
            if (firewall != null && ground().translates()) { // nobody else has rules in a namespace of the engine's own
                firewall.obstacles().forEach(obstacle -> all.add(told(obstacle)));
            }
        }
        return all;
    }

    private static String told(Obstacle obstacle) {
        var missing = switch (obstacle.way()) {
            case FORWARD ->
                "networks may have no way to the outside, and others none to published ports"
                        + (HostSettings.filtersBridgedFrames() ? ", nor containers to each other" : "");
            case INPUT -> "containers may not reach this host itself (host.internal)";
        };
        return "the firewall's chain " + obstacle + " drops what it does not know, so " + missing + "; allow it: "
                + obstacle.help();
    }

    /** The rest of the links goes with one message, and the table with its socket. */
    @Override
    public void close() {
        frames.close();
        synchronized (this) {
            try (var undo = new Undo()) {
                if (ground != null) {
                    undo.add(ground);
                }
                if (links != null) {
                    undo.add(links);
                    undo.addStep(this::deleteLinks);
                }
                if (firewall != null) {
                    undo.add(firewall);
                }
                if (relay != null) {
                    undo.add(relay);
                }
            }
            links = null;
            ground = null;
            firewall = null;
            relay = null;
        }
    }

    private void deleteLinks() {
        try {
            links().execute(LinkRequest.deleteGroup(group()).request());
        } catch (KernelException e) {
            if (e.errno() != Errno.ENODEV.number() && e.errno() != Errno.EPERM.number()) {
                throw e; // or there were none, or this process may not make any
            }
        }
    }
}
