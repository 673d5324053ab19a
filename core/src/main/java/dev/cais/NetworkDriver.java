package dev.cais;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What connects the containers of a network: in Docker's word, its driver. */
public sealed interface NetworkDriver {
    /** A switch of its own on the host. */
    Bridge BRIDGE = new Bridge(false, Optional.empty());

    /** As Docker and CNI name it: {@code bridge}. */
    String word();

    /**
     * A switch on the host, which containers reach the host through, and the outside with its address.
     *
     * @param vlans whether its containers can be kept apart by {@link EndpointSpec#vlan}: those without one are in VLAN 1, and so is the
     *     host; those of others reach only each other
     * @param vxlan what joins it with switches of other hosts
     */
    record Bridge(boolean vlans, Optional<Vxlan> vxlan) implements NetworkDriver {
        public Bridge {
            if (vlans && vxlan.isPresent()) {
                throw new InvalidSpecException(
                        "cannot have VLANs on a network of several hosts: VXLAN "
                                + vxlan.get().id() + " carries one of them",
                        "make a network for each");
            }
        }

        @Override
        public String word() {
            return "bridge";
        }
    }

    /**
     * Links with MAC addresses of their own on the wire of a link of the host's: containers are neighbours of the machines there, and
     * only the host itself does not reach them, as the kernel has it.
     *
     * @param parent name of the host's link, switched on; {@code eth0.7} for VLAN 7 of eth0, made if there is no link of that name
     */
    record Macvlan(String parent, MacvlanMode mode) implements NetworkDriver {
        @Override
        public String word() {
            return "macvlan";
        }
    }

    /** Which containers of one parent reach each other. */
    enum MacvlanMode {
        /** All of them. */
        BRIDGE,
        /** None. */
        PRIVATE,
        /** Those that the switch on the other end of the wire sends frames back for. */
        VEPA,
        /** There is one container, which has the parent to itself. */
        PASSTHRU
    }

    /**
     * Links with the MAC address of a link of the host's and IP addresses of their own.
     *
     * @param parent as that of {@link Macvlan}
     */
    record Ipvlan(String parent, IpvlanMode mode) implements NetworkDriver {
        @Override
        public String word() {
            return "ipvlan";
        }
    }

    /** On which layer links of one parent are told apart. */
    enum IpvlanMode {
        /** Containers are neighbours of the machines on the wire. */
        L2,
        /** The parent routes for them: no broadcasts, no neighbours, no gateway. The machines on the wire need routes to them. */
        L3,
        /** As {@link #L3}, and the host's packet filter sees their packets. */
        L3S
    }

    /**
     * Plugins of the Container Network Interface.
     *
     * @param configuration a {@code .conflist} file
     */
    record Cni(Path configuration) implements NetworkDriver {
        @Override
        public String word() {
            return "cni";
        }
    }

    /**
     * Frames in UDP datagrams to other hosts.
     *
     * <p>With a secret the kernel encrypts them by ESP (AES-GCM with 256 bits), and drops what comes to the address and port in the clear.
     * So all of an address and port is encrypted, or nothing: networks of one host need different ones then. Each direction between two
     * hosts has its own keys, for an hour; clocks may differ by less than that. The hosts must see each other's addresses as they are
     * (ESP passes no translation), and their firewalls must let ESP in.
     *
     * @param id 1 to 16777215, the same on all of them
     * @param local an address of this host
     * @param remotes one address of each of the others
     * @param port of UDP, the same on all of them
     * @param secret the same on all of them, up to 255 hosts; empty for frames in the clear
     * @see <a href="https://www.rfc-editor.org/rfc/rfc7348">RFC 7348: Virtual eXtensible Local Area Network</a>
     * @see <a href="https://www.rfc-editor.org/rfc/rfc4303">RFC 4303: IP Encapsulating Security Payload</a>
     */
    record Vxlan(int id, InetAddress local, List<InetAddress> remotes, int port, Optional<VxlanSecret> secret) {
        /** By custom. */
        public static final int PORT = 4789;

        private static final int MOST = 0xffffff;
        private static final int MOST_ENCRYPTED = 254;

        public Vxlan {
            var cannot = "cannot use VXLAN " + id;
            if (id < 1 || id > MOST) {
                throw new InvalidSpecException(cannot + ": out of range; choose 1 to " + MOST);
            }
            if (port < 1 || port > 0xffff) {
                throw new InvalidSpecException(cannot + " with port " + port + ": out of range; choose 1 to 65535");
            }
            remotes = List.copyOf(remotes);
            if (remotes.isEmpty()) {
                throw new InvalidSpecException(cannot + ": there is no other host", "name an address of each");
            }
            for (var remote : remotes) {
                if (remote instanceof Inet4Address != local instanceof Inet4Address
                        || remote.isMulticastAddress()
                        || remote.equals(local)) {
                    throw new InvalidSpecException(cannot + " from " + local.getHostAddress() + " to "
                            + remote.getHostAddress() + ": that is no address of another host and of the same family");
                }
            }
            if (secret.isPresent() && remotes.stream().distinct().count() != remotes.size()) {
                throw new InvalidSpecException(cannot + " encrypted: another host is named twice");
            }
            if (secret.isPresent() && remotes.size() > MOST_ENCRYPTED) {
                throw new InvalidSpecException(cannot + " encrypted with " + remotes.size() + " other hosts: it is "
                        + MOST_ENCRYPTED + " at most");
            }
        }

        /** The same, encrypted. */
        public Vxlan encrypted(VxlanSecret shared) {
            return new Vxlan(id, local, remotes, port, Optional.of(shared));
        }

        /** The same on another port. */
        public Vxlan port(int other) {
            return new Vxlan(id, local, remotes, other, secret);
        }

        /** What it takes of each frame, in bytes, at most. */
        public int overhead() {
            return (local instanceof Inet4Address ? 50 : 70) + (secret.isPresent() ? 37 : 0);
        }
    }
}
