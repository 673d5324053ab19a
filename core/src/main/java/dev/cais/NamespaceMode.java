package dev.cais;

/**
 * Whose namespace of one kind a container has, in the words of {@code docker run --pid=…}.
 *
 * @param container name, id or unique prefix of an id, for {@link Kind#CONTAINER}; empty otherwise
 */
public record NamespaceMode(Kind kind, String container) {
    /** One of its own. */
    public static final NamespaceMode PRIVATE = new NamespaceMode(Kind.PRIVATE, "");

    /** The host's: no isolation there. */
    public static final NamespaceMode HOST = new NamespaceMode(Kind.HOST, "");

    /** Whose. */
    public enum Kind {
        PRIVATE,
        HOST,
        CONTAINER
    }

    public NamespaceMode {
        if ((kind == Kind.CONTAINER) == container.isEmpty()) {
            throw new InvalidSpecException("cannot share a namespace: " + kind + " with container '" + container
                    + "' is neither one's own, the host's nor a container's");
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

    public boolean isPrivate() {
        return kind == Kind.PRIVATE;
    }

    public boolean isHost() {
        return kind == Kind.HOST;
    }

    /** {@code private}, {@code host}, {@code container:web}. */
    @Override
    public String toString() {
        return switch (kind) {
            case PRIVATE -> "private";
            case HOST -> "host";
            case CONTAINER -> "container:" + container;
        };
    }
}
