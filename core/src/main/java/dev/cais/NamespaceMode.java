package dev.cais;

import java.nio.file.Path;

/**
 * Whose namespace of one kind a container has, in the words of {@code docker run --pid=…} and, for a path, of Podman.
 *
 * @param target name, id or unique prefix of an id, for {@link Kind#CONTAINER}; an absolute path for {@link Kind#PATH}; empty otherwise
 */
public record NamespaceMode(Kind kind, String target) {
    /** One of its own. */
    public static final NamespaceMode PRIVATE = new NamespaceMode(Kind.PRIVATE, "");

    /** The host's: no isolation there. */
    public static final NamespaceMode HOST = new NamespaceMode(Kind.HOST, "");

    /** Whose. */
    public enum Kind {
        PRIVATE,
        HOST,
        CONTAINER,
        /** Of the network alone. */
        PATH
    }

    public NamespaceMode {
        if ((kind == Kind.CONTAINER || kind == Kind.PATH) == target.isEmpty()) {
            throw new InvalidSpecException("cannot share a namespace: " + kind + " of '" + target
                    + "' is neither one's own, the host's, a container's nor one at a path");
        }
        if (kind == Kind.PATH && !target.startsWith("/")) {
            throw new InvalidSpecException("cannot share the namespace at " + target + ": the path is not absolute");
        }
    }

    /**
     * Another container's of the same engine, which must run when this one starts.
     *
     * @param nameOrId or a unique prefix of an id
     */
    public static NamespaceMode container(String nameOrId) {
        return new NamespaceMode(Kind.CONTAINER, nameOrId);
    }

    /**
     * One that somebody else has made and keeps, as {@code ip netns add} does: how it is configured is theirs.
     *
     * @param file where it is bound, as {@code /run/netns/blue}
     */
    public static NamespaceMode path(Path file) {
        return new NamespaceMode(Kind.PATH, file.toString());
    }

    public boolean isPrivate() {
        return kind == Kind.PRIVATE;
    }

    public boolean isHost() {
        return kind == Kind.HOST;
    }

    /** {@code private}, {@code host}, {@code container:web}, {@code ns:/run/netns/blue}. */
    @Override
    public String toString() {
        return switch (kind) {
            case PRIVATE -> "private";
            case HOST -> "host";
            case CONTAINER -> "container:" + target;
            case PATH -> "ns:" + target;
        };
    }
}
