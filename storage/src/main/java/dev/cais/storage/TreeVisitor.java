package dev.cais.storage;

/**
 * Is told what a {@link TreeWalk} finds: a directory before what is in it, names in order of their bytes. Paths have no {@code /} at
 * their ends; empty for the root. Sockets are not told of.
 */
public interface TreeVisitor {
    /** @param opaque whether it hides all that older layers have there; of a layer's directory only */
    void directory(byte[] path, Attributes attributes, boolean opaque);

    /** All that is in a directory has been told. */
    default void left(byte[] path, Attributes attributes) {}

    /** @param content valid during this call */
    void file(byte[] path, Attributes attributes, FileContent content);

    void symlink(byte[] path, byte[] target, Attributes attributes);

    /** Another name for a file (of any kind but a directory) that was told of before. */
    void hardLink(byte[] path, byte[] existing, Attributes attributes);

    void node(byte[] path, NodeType type, long major, long minor, Attributes attributes);

    /** Hides what older layers have at this name; in a layer only. */
    default void whiteout(byte[] path, Attributes attributes) {
        throw new IllegalStateException("only layers have whiteouts");
    }
}
