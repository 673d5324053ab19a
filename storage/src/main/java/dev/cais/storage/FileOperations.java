package dev.cais.storage;

/**
 * All that is ever written below one directory, the root: the only way in which files of images and containers come to be.
 *
 * <p>Names are bytes as the kernel has them, relative to the root, {@code /} between components; empty means the root
 * itself. Callers have removed {@code .} and {@code ..}. Symbolic links on the way are followed as a process with this root
 * would follow them, so none leads out; the last component is never followed. Missing parents are made: mode 0755, owned by
 * root, times zero.
 *
 * <p>What stands at a name gives way to what comes, with all below it; only a directory that meets a directory stays, and
 * takes the new one's attributes. Times of directories hold although files come and go in them: an open directory remembers
 * them, and {@link #close()} puts them back.
 *
 * <p>All methods throw {@link dev.cais.StorageException} if the file system is full, read-only or not permitted, {@link
 * dev.cais.KernelException} if the names do not fit what stands there (a file as a parent, a hard link to nothing, a name of
 * more than 255 bytes). An object belongs to one thread.
 */
public interface FileOperations extends AutoCloseable {
    /**
     * Begins a regular file; its attributes are set when it is finished. One file at a time: the next call on this object
     * comes after {@link FileSink#finish()}.
     */
    FileSink file(byte[] path, Attributes attributes);

    /** Makes a directory, or gives these attributes to the one that stands there. */
    void directory(byte[] path, Attributes attributes);

    /** @param target any bytes but NUL, 1 to 4095 of them; the mode is not used */
    void symlink(byte[] path, byte[] target, Attributes attributes);

    /** Another name for what stands at {@code existing}, which may be a symbolic link, and is then not followed. */
    void hardLink(byte[] path, byte[] existing);

    /** Makes a device or a fifo; {@code major} and {@code minor} are of devices only. */
    void node(byte[] path, NodeType type, long major, long minor, Attributes attributes);

    /**
     * Hides what older layers have at this name. What this layer itself has there stays; a directory of this layer becomes
     * opaque.
     */
    void whiteout(byte[] path);

    /** Hides all that older layers have in this directory, which is made if it is missing. */
    void opaque(byte[] path);

    /** Removes what stands there with all below it; nothing if nothing does. */
    void remove(byte[] path);

    /** How many files of any kind were made, parents included. */
    long created();

    /** Gives directories their times back and lets go of the root. */
    @Override
    void close();
}
