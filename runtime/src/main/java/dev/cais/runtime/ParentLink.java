package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.KernelException;
import dev.cais.NetworkDriver;
import dev.cais.NotFoundException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Errno;
import dev.cais.network.netlink.Link;
import dev.cais.network.netlink.LinkKind;
import dev.cais.network.netlink.LinkRequest;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The host's link that the containers of a macvlan or ipvlan network stand on.
 *
 * @param made whether it is a VLAN of another link, and this engine's
 */
record ParentLink(int index, boolean made) {
    /** As Docker has it: {@code eth0.7}. */
    private static final Pattern VLAN = Pattern.compile("(.+)\\.([1-9][0-9]{0,3})");

    /**
     * Finds it, or makes it if it is a VLAN, and tries whether the kernel can make such a network's links on it.
     *
     * @throws NotFoundException that begins with {@code cannot}, as all others
     */
    static ParentLink open(String cannot, NetworkStack stack, NetworkDriver driver) {
        var name = driver instanceof NetworkDriver.Macvlan macvlan
                ? macvlan.parent()
                : ((NetworkDriver.Ipvlan) driver).parent();
        try (var undo = new Undo()) {
            var parent = open(cannot, stack, name, undo);
            tryOut(cannot, stack, name, kind(driver, parent.index()));
            undo.keepAll();
            return parent;
        }
    }

    private static ParentLink open(String cannot, NetworkStack stack, String name, Undo undo) {
        var found = find(cannot, stack, name);
        if (found.isPresent()) {
            return new ParentLink(found.get().index(), false);
        }
        var vlan = VLAN.matcher(name);
        if (vlan.matches()) {
            var below = find(cannot, stack, vlan.group(1));
            if (below.isPresent()) {
                var index = makeVlan(
                        cannot, stack, name, new LinkKind.Vlan(below.get().index(), Integer.parseInt(vlan.group(2))));
                undo.addStep(
                        () -> stack.links().execute(LinkRequest.delete(index).request()));
                return new ParentLink(index, true);
            }
        }
        throw new NotFoundException(
                cannot + ": this host has no link " + name,
                Map.of("links", stack.links().links().stream().map(Link::name).toList()),
                "");
    }

    private static Optional<Link> find(String cannot, NetworkStack stack, String name) {
        var found = stack.links().links().stream()
                .filter(link -> link.name().equals(name))
                .findFirst();
        if (found.isPresent() && !found.get().up()) {
            throw new ConflictException(cannot + ": link " + name + " is switched off", "switch it on");
        }
        return found;
    }

    private static int makeVlan(String cannot, NetworkStack stack, String name, LinkKind.Vlan kind) {
        var ours = stack.newLinkName();
        try {
            stack.links()
                    .execute(LinkRequest.add(ours)
                            .kind(kind)
                            .group(stack.group())
                            .up()
                            .request());
            return stack.links().link(ours).orElseThrow().index();
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST.number()) {
                throw new ConflictException(
                        cannot + ": another link than " + name + " has VLAN " + kind.id() + " already",
                        "name that one as the parent");
            }
            throw e;
        } catch (UnsupportedHostException e) {
            throw lacking(cannot, kind, e);
        }
    }

    /** What stands on the parent: the containers' eth0. */
    static LinkKind kind(NetworkDriver driver, int parent) {
        return driver instanceof NetworkDriver.Macvlan macvlan
                ? new LinkKind.Macvlan(parent, macvlan.mode())
                : new LinkKind.Ipvlan(parent, ((NetworkDriver.Ipvlan) driver).mode());
    }

    private static void tryOut(String cannot, NetworkStack stack, String name, LinkKind kind) {
        var trial = stack.newLinkName();
        try {
            stack.links()
                    .execute(LinkRequest.add(trial)
                            .kind(kind)
                            .group(stack.group())
                            .request());
            stack.links().execute(LinkRequest.delete(trial).request());
        } catch (KernelException e) {
            if (e.errno() == Errno.EPERM.number()) {
                throw e;
            }
            throw new ConflictException(
                    cannot + ": link " + name + " can carry no " + kind.word() + ": " + e.getMessage(),
                    "another network may have the parent to itself, or it is itself a " + kind.word()
                            + " or loopback: choose another parent");
        } catch (UnsupportedHostException e) {
            throw lacking(cannot, kind, e);
        }
    }

    private static UnsupportedHostException lacking(String cannot, LinkKind kind, UnsupportedHostException cause) {
        return new UnsupportedHostException(
                cannot + ": this kernel has no links of kind " + kind.word(),
                Map.of(),
                "its module may have to be installed: modprobe "
                        + (kind instanceof LinkKind.Vlan ? "8021q" : kind.word()),
                cause);
    }
}
