package dev.cais.network.esp;

import dev.cais.ConflictException;
import dev.cais.EngineException;
import dev.cais.KernelException;
import dev.cais.NetworkDriver.Vxlan;
import dev.cais.UnsupportedHostException;
import dev.cais.VxlanSecret;
import dev.cais.linux.Errno;
import dev.cais.network.netlink.EspPolicy;
import dev.cais.network.netlink.EspPolicy.Direction;
import dev.cais.network.netlink.EspState;
import dev.cais.network.netlink.Netlink;
import dev.cais.network.netlink.Request;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What the kernel is told about one VXLAN: to encrypt what leaves for its other hosts, and to take nothing on its address and port that
 * was not encrypted by one of them.
 *
 * <p>It sends with the keys of the hour, and takes what was encrypted with those of the last and the next one, too.
 *
 * <p>For any thread, one at a time.
 */
public final class VxlanEncryption implements AutoCloseable {
    /** Of a family or a cipher that is not there. */
    private static final Set<Integer> MISSING = Set.of(
            Errno.EPROTONOSUPPORT.number(), Errno.ENOSYS.number(), Errno.ENOENT.number(), Errno.ENOTSUP.number());

    private static final Set<Integer> GONE = Set.of(Errno.ESRCH.number(), Errno.ENOENT.number());

    private final Vxlan vxlan;
    private final EspKeys keys;
    private final Netlink netlink;
    private final Set<EspState> states;
    private long period;

    private VxlanEncryption(Vxlan vxlan, VxlanSecret secret, Netlink netlink, Instant now) {
        this.vxlan = vxlan;
        this.keys = new EspKeys(vxlan, secret);
        this.netlink = netlink;
        this.period = EspKeys.period(now);
        this.states = due(period, now);
    }

    /**
     * Takes the address and port for it, in this thread's network namespace: nothing passes there any more.
     *
     * @throws UnsupportedHostException that begins with {@code cannot}, if the kernel encrypts nothing
     * @throws ConflictException that begins with {@code cannot}, if somebody has them already
     */
    public static VxlanEncryption claim(String cannot, Vxlan vxlan, VxlanSecret secret, Instant now) {
        Netlink netlink;
        try {
            netlink = Netlink.open(Netlink.Family.XFRM);
        } catch (UnsupportedHostException e) {
            throw missing(cannot, vxlan, "no CONFIG_XFRM_USER", e);
        }
        var claimed = new VxlanEncryption(vxlan, secret, netlink, now);
        try {
            netlink.execute(claimed.claim().add());
            return claimed;
        } catch (KernelException e) {
            netlink.close();
            throw claimed.refused(cannot, e);
        }
    }

    /**
     * Lets pass what is encrypted.
     *
     * @throws UnsupportedHostException that begins with {@code cannot}, if the kernel cannot encrypt so
     */
    public synchronized void begin(String cannot) {
        try {
            netlink.execute(states.stream().map(EspState::add).toList());
            netlink.execute(policies().stream()
                    .filter(policy -> !policy.equals(claim()))
                    .map(EspPolicy::add)
                    .toList());
        } catch (KernelException e) {
            throw refused(cannot, e);
        }
    }

    private EngineException refused(String cannot, KernelException cause) {
        if (MISSING.contains(cause.errno())) {
            return missing(
                    cannot, vxlan, String.valueOf(cause.facts().getOrDefault("kernel", cause.errnoName())), cause);
        }
        if (cause.errno() == Errno.EEXIST.number()) {
            return new ConflictException(
                    cannot + ": what comes to " + vxlan.local().getHostAddress() + " on port " + vxlan.port()
                            + " is encrypted for somebody else already",
                    Map.of(),
                    "choose another port, the same on all hosts",
                    cause);
        }
        return cause;
    }

    private static UnsupportedHostException missing(String cannot, Vxlan vxlan, String kernel, EngineException cause) {
        var module = vxlan.local() instanceof Inet4Address ? "esp4" : "esp6";
        return new UnsupportedHostException(
                cannot + " encrypted: this kernel has no ESP with AES-GCM",
                Map.of("kernel", kernel),
                "install its modules " + module + " and gcm (CONFIG_INET" + (module.equals("esp6") ? "6" : "")
                        + "_ESP, CONFIG_CRYPTO_GCM), or have the network in the clear",
                cause);
    }

    private EspPolicy claim() {
        return policy(Direction.IN, Optional.empty());
    }

    private EspPolicy policy(Direction direction, Optional<InetAddress> remote) {
        return new EspPolicy(direction, vxlan.local(), remote, vxlan.port(), remote.isPresent() ? vxlan.id() : 0);
    }

    /** In the order in which they are made. */
    private List<EspPolicy> policies() {
        var all = new ArrayList<EspPolicy>();
        for (var direction : Direction.values()) {
            all.add(policy(direction, Optional.empty()));
        }
        for (var remote : vxlan.remotes()) {
            for (var direction : Direction.values()) {
                all.add(policy(direction, Optional.of(remote)));
            }
        }
        return all;
    }

    /** Those to receive with first: nobody sends to a host that cannot read it. */
    private Set<EspState> due(long wanted, Instant now) {
        var due = new LinkedHashSet<EspState>();
        for (var remote : vxlan.remotes()) {
            for (var each = wanted - 1; each <= wanted + 1; each++) {
                due.add(keys.incoming(remote, each));
            }
        }
        for (var remote : vxlan.remotes()) {
            due.add(keys.outgoing(remote, wanted, now));
        }
        return due;
    }

    /**
     * Changes keys, if their time is over.
     *
     * @param changing is called when {@link #removal} is about to need more, and when it needs less
     */
    public synchronized void renew(Instant now, Runnable changing) {
        var wanted = EspKeys.period(now);
        if (wanted == period) {
            return;
        }
        var due = due(wanted, now);
        var added = due.stream().filter(state -> !states.contains(state)).toList();
        var over = states.stream().filter(state -> !due.contains(state)).toList();
        states.addAll(added);
        changing.run();
        try {
            netlink.execute(added.stream().map(EspState::add).toList());
        } catch (KernelException e) {
            takeBack(added.stream().map(EspState::delete).toList());
            states.removeAll(added);
            throw e;
        }
        takeBack(over.stream().map(EspState::delete).toList());
        states.removeAll(over);
        period = wanted;
        changing.run();
    }

    /** When {@link #renew} has something to do. */
    public synchronized Instant over() {
        return EspKeys.begin(period + 1);
    }

    /**
     * What takes everything back, in this order: others have the address and port with the last one. What is not there any more does no
     * harm.
     */
    public synchronized List<Request> removal() {
        var requests = new ArrayList<Request>();
        states.forEach(state -> requests.add(state.delete()));
        var policies = new ArrayList<>(policies());
        Collections.reverse(policies);
        policies.forEach(policy -> requests.add(policy.delete()));
        return requests;
    }

    private void takeBack(List<Request> requests) {
        try {
            netlink.execute(requests);
        } catch (KernelException e) {
            if (!GONE.contains(e.errno())) {
                throw e;
            }
        }
    }

    /** Takes everything back. */
    @Override
    public synchronized void close() {
        try (netlink) {
            takeBack(removal());
        }
    }

    /** {@code VxlanEncryption[42, 198.18.0.1, 2 hosts]}. */
    @Override
    public String toString() {
        var others = vxlan.remotes().size();
        return "VxlanEncryption[" + vxlan.id() + ", " + vxlan.local().getHostAddress() + ", " + others
                + (others == 1 ? " host]" : " hosts]");
    }
}
