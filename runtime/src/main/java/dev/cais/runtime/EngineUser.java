package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Mount;
import dev.cais.NamespaceMode;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.FileCalls;
import dev.cais.runtime.launch.Deputy;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.UserNamespace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Who the engine is on its host: root, or a plain user, who is root in a user namespace of the engine's own. There a deputy does for
 * this process what its user may not.
 */
final class EngineUser implements AutoCloseable {
    private static final String AS_ROOT = "run the JVM as root";
    private static final String MORE_IDS =
            "install newuidmap and newgidmap (Debian: uidmap), and have root give you numbers:"
                    + " usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER";

    private final Optional<UserNamespace> namespace;
    private final Optional<Deputy> deputy;
    private final Undo held;

    private EngineUser(Optional<UserNamespace> namespace, Optional<Deputy> deputy, Undo held) {
        this.namespace = namespace;
        this.deputy = deputy;
        this.held = held;
    }

    /**
     * The user that this process runs as.
     *
     * @throws UnsupportedHostException if it is not root and may not have a user namespace
     */
    static EngineUser current() {
        if (Host.effectiveUser() == 0) {
            return new EngineUser(Optional.empty(), Optional.empty(), new Undo());
        }
        // the store comes later: what a dead engine left in it may be other users'
        var launch = new Launch(Path.of(System.getProperty("java.io.tmpdir")));
        var held = new Undo();
        try {
            var namespace = held.add(UserNamespace.create(launch));
            var deputy = held.add(new Deputy(launch, namespace));
            held.add(FileCalls.appoint(deputy));
            return new EngineUser(Optional.of(namespace), Optional.of(deputy), held);
        } catch (RuntimeException e) {
            held.close();
            throw e;
        }
    }

    /** Starts programs as who is root in containers, in the host's network namespace. */
    Launch launch(Launch direct) {
        return namespace.map(direct::asRootOf).orElse(direct);
    }

    /** Of a plain user's engine. */
    Optional<UserNamespace> namespace() {
        return namespace;
    }

    /** Who makes system calls in the user and the network namespace of a plain user's engine. */
    Optional<Deputy> deputy() {
        return deputy;
    }

    /** Lets go of the namespaces; what runs in them goes on. */
    @Override
    public void close() {
        held.close();
    }

    boolean isPlain() {
        return namespace.isPresent();
    }

    /** Whether there is nobody in containers but root. */
    private boolean isAlone() {
        return namespace.flatMap(UserNamespace::onlyOne).isPresent();
    }

    /** Whether a group's number means anything in containers. */
    boolean hasGroup(int gid) {
        return namespace.isEmpty() || namespace.get().gids().has(gid);
    }

    /** The last number of a group that means something in containers. */
    long lastGroup() {
        return namespace.map(mapped -> mapped.gids().size() - 1).orElse((long) Integer.MAX_VALUE);
    }

    private boolean hasUser(int uid) {
        return namespace.isEmpty() || namespace.get().uids().has(uid);
    }

    /**
     * The identity as it can be had here. Where root is alone, the process keeps this process's groups, which mean nothing inside.
     *
     * @param cannot as in {@code cannot create container web}
     * @param asked groups that somebody asked for, beside those that the image's files name
     * @throws UnsupportedHostException if it is one of those that a plain user's containers do not have
     */
    Accounts.Identity require(String cannot, Accounts.Identity identity, List<String> asked) {
        if (namespace.isEmpty()) {
            return identity;
        }
        if (!hasUser(identity.uid())) {
            throw lacks(cannot, "it is to run as user " + identity.uid());
        }
        if (!hasGroup(identity.gid())) {
            throw lacks(cannot, "it is to run as group " + identity.gid());
        }
        for (var group : identity.groups()) {
            if (!hasGroup(group) && (!isAlone() || !asked.isEmpty())) {
                throw lacks(cannot, "it is to be in group " + group);
            }
        }
        return isAlone() ? new Accounts.Identity(identity.uid(), identity.gid(), List.of(), identity.home()) : identity;
    }

    private UnsupportedHostException lacks(String cannot, String wish) {
        var mapped = namespace.orElseThrow();
        var numbers = Math.min(mapped.uids().size(), mapped.gids().size());
        return new UnsupportedHostException(
                cannot + ": " + wish + ", but without root its containers have only "
                        + mapped.onlyOne().map(why -> "root, since " + why).orElse("the numbers 0 to " + (numbers - 1)),
                isAlone() ? MORE_IDS + "; or run it as root of the container: user(\"0\")" : MORE_IDS);
    }

    /**
     * Refuses what only root can share with a container.
     *
     * @param cannot as in {@code cannot create container web}
     * @throws UnsupportedHostException if the spec asks for it
     */
    void require(String cannot, ContainerSpec spec) {
        if (namespace.isEmpty()) {
            return;
        }
        if (spec.namespaces().pid().isHost()) {
            throw new UnsupportedHostException(
                    cannot + ": without root it cannot share the host's process ids, since nothing would end its"
                            + " processes with it",
                    AS_ROOT);
        }
        if (spec.namespaces().network().kind() == NamespaceMode.Kind.PATH) {
            throw new UnsupportedHostException(
                    cannot + ": without root it cannot enter the network namespace "
                            + spec.namespaces().network().target(),
                    AS_ROOT);
        }
        for (var device : spec.security().devices()) {
            if (!device.permissions().contains("r") || !device.permissions().contains("w")) {
                throw new UnsupportedHostException(
                        cannot + ": without root nothing keeps it from more than '" + device.permissions()
                                + "' with device " + device.hostPath() + " but the host's own permissions",
                        "ask for rwm, or " + AS_ROOT);
            }
        }
        if (!spec.security().deviceRules().isEmpty()) {
            throw new UnsupportedHostException(
                    cannot + ": without root it cannot make device nodes, so no rule for them can be set",
                    "give it a device of the host's, or " + AS_ROOT);
        }
        for (var mount : spec.mounts()) {
            if (mount instanceof Mount.OfBind bind && bind.propagation() == Mount.Propagation.SHARED) {
                throw new UnsupportedHostException(
                        cannot + ": without root nothing that it mounts below " + bind.target() + " can reach the host",
                        "choose propagation private or slave, or " + AS_ROOT);
            }
        }
    }

    /** What users should know, for {@code info()}: a sentence each. */
    List<String> notes() {
        var notes = new ArrayList<String>();
        namespace.ifPresent(mapped -> {
            var size = Math.min(mapped.uids().size(), mapped.gids().size());
            notes.add("without root: root in a container is user "
                    + mapped.uids().extents().get(0).outside() + " of the host"
                    + mapped.onlyOne()
                            .map(why -> ", and there is nobody else, since " + why
                                    + ": files of other users become root's, and programs that change their user fail; "
                                    + MORE_IDS)
                            .orElse(", and 1 to " + (size - 1) + " are its subordinate ids"));
            notes.add(
                    "without root: no host process ids, no namespaces of others, no mounts that reach the host, no new"
                            + " device nodes (those of the host are bound)");
        });
        return notes;
    }
}
