package dev.cais.network;

import dev.cais.KernelException;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Errno;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Switches of this network namespace in {@code /proc/sys/net} that no message of netlink sets.
 *
 * <p>Those of the whole host are changed only when a network asks for the outside, and never set back: another may rely on them by
 * then. What is changed is returned in words, for the engine's information.
 *
 * @see <a href="https://docs.kernel.org/networking/ip-sysctl.html">Linux, IP Sysctl</a>
 */
public final class HostSettings {
    private static final Path IPV4_FORWARDING = Path.of("/proc/sys/net/ipv4/ip_forward");
    private static final Path IPV6 = Path.of("/proc/sys/net/ipv6/conf");
    private static final Path IPV6_FORWARDING = IPV6.resolve("all/forwarding");
    private static final List<Path> BRIDGED = List.of(
            Path.of("/proc/sys/net/bridge/bridge-nf-call-iptables"),
            Path.of("/proc/sys/net/bridge/bridge-nf-call-ip6tables"));
    private static final Set<String> NO_LINKS = Set.of("all", "default", "lo");

    private HostSettings() {}

    /**
     * Lets packets pass from link to link.
     *
     * <p>A host that passes on packets of IPv6 no longer listens to routers, and would lose its own default route with time: so links
     * that listen now ({@code accept_ra} is 1) go on doing so (2).
     *
     * @return what was changed, or could not be
     */
    public static List<String> passOn(boolean ipv6) {
        var notes = new ArrayList<String>();
        passOn(IPV4_FORWARDING, notes);
        if (ipv6 && isOff(IPV6_FORWARDING)) {
            keepListening(notes);
            passOn(IPV6_FORWARDING, notes);
        }
        return notes;
    }

    private static void passOn(Path setting, List<String> notes) {
        if (isOff(setting)) {
            set(setting, "1", notes, "for networks with a way to the outside");
        }
    }

    private static boolean isOff(Path setting) {
        return Files.exists(setting) && ControlFile.read(setting).strip().equals("0");
    }

    private static void keepListening(List<String> notes) {
        try (var links = Files.newDirectoryStream(IPV6)) {
            for (var link : links) {
                var setting = link.resolve("accept_ra");
                if (!NO_LINKS.contains(link.getFileName().toString())
                        && ControlFile.read(setting).strip().equals("1")) {
                    set(setting, "2", notes, "so that this host still learns its routers");
                }
            }
        } catch (IOException | DirectoryIteratorException | KernelException e) {
            notes.add("this host may lose what it learns from routers of IPv6: " + e.getMessage());
        }
    }

    private static void set(Path setting, String value, List<String> notes, String purpose) {
        var result = ControlFile.tryWrite(setting, value);
        notes.add(
                result == 0
                        ? "set " + setting + " to " + value + ", " + purpose
                        : "cannot set " + setting + " to " + value + ", " + purpose + ": " + Errno.of(result));
    }

    /**
     * Whether frames between ports of one bridge pass the packet filter too (br_netfilter, as where Docker or Kubernetes has been). What
     * is translated there stays on the bridge, so a container reaches what it publishes itself only if its port sends frames back
     * ({@link dev.cais.network.netlink.LinkRequest#hairpin}).
     */
    public static boolean filtersBridgedFrames() {
        return BRIDGED.stream().anyMatch(setting -> Files.exists(setting) && !isOff(setting));
    }

    /**
     * What a namespace of its own for bridges wants, whose way to the outside is an {@link dev.cais.network.relay.Outlet}: packets
     * between networks come to where they are counted and dropped, new links may have addresses of IPv6 and do not listen to routers,
     * and frames between ports of a bridge do not pass the packet filter, which would take what is led to the outlet from it. A setting
     * without a file is of something that the kernel lacks.
     *
     * @return values by file; in the namespace of whoever opens that
     */
    public static Map<Path, String> ofOwnNamespace() {
        var settings = new LinkedHashMap<Path, String>();
        settings.put(IPV4_FORWARDING, "1");
        settings.put(IPV6_FORWARDING, "1");
        settings.put(IPV6.resolve("default/disable_ipv6"), "0");
        settings.put(IPV6.resolve("default/accept_ra"), "0");
        BRIDGED.forEach(setting -> settings.put(setting, "0"));
        return settings;
    }

    /** Whether this kernel has IPv6: one that was started with {@code ipv6.disable=1} knows nothing of it. */
    public static boolean hasIpv6() {
        return Files.exists(IPV6);
    }

    /**
     * Keeps a new bridge, still switched off, from what its containers may tell the host about IPv6: whoever sends a router's
     * advertisement would become the host's default route. Where {@code /proc/sys} cannot be written, {@link Firewall} still drops them.
     *
     * @param ipv6 whether the network has addresses of IPv6, though the host's new links may have none; without, the bridge has none at
     *     all
     */
    public static void shield(String bridge, boolean ipv6) {
        ofBridge(bridge, ipv6).forEach(ControlFile::tryWrite);
    }

    /** What {@link #shield} writes, for a bridge in a namespace that only another process can write in: values by file. */
    public static Map<Path, String> ofBridge(String bridge, boolean ipv6) {
        var settings = new LinkedHashMap<Path, String>();
        settings.put(IPV6.resolve(bridge).resolve("accept_ra"), "0");
        settings.put(IPV6.resolve(bridge).resolve("disable_ipv6"), ipv6 ? "0" : "1");
        return settings;
    }
}
