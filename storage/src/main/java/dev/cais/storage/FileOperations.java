package dev.cais.storage;

import dev.cais.linux.Fd;

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
 * <p>Owners are those of containers. Where this process is a plain user's, a user or group that has no number there becomes root, and
 * extended attributes that the whole host would trust ({@code trusted.}, {@code security.} but for {@code security.capability}) are left
 * out: see {@link dev.cais.linux.FileCalls}.
 *
 * <p>All methods throw {@link dev.cais.StorageException} if the file system is full, read-only or not permitted, {@link
 * dev.cais.KernelException} if the names do not fit what stands there (a file as a parent, a hard link to nothing, a name of
 * more than 255 bytes). An object belongs to one thread.
 */
public interface FileOperations extends AutoCloseable {
    /**
     * Writing below a directory that is not the store's: a container's root as it sees it, or a directory of the host. Others may
     * rename, link and mount there meanwhile: no name leads out of the root all the same. Mounts below the root are entered.
     * What stands at a name gives way only to its like: a directory never to a file, or the other way round; that is a {@link
     * dev.cais.ConflictException}. A file that could not be finished is removed. There are no whiteouts.
     *
     * @param root any descriptor of the directory, not closed
     * @param name for messages, as in {@code container web}
     * @param base directories below this one keep their times while files come and go in them; others have new ones then
     */
    static FileOperations in(Fd root, String name, byte[] base) {
        return DirectFileOperations.ofForeign(root.duplicate(), Place.tree(name), base);
    }

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

    /**
     * Another name for a regular file of another layer, if there is one at this path that is as it would be written here. From then on both
     * layers have it: only for files that nobody ever changes in place. Both layers' names go without the other's.
     *
     * @param layer the other layer's root, whose links are not followed
     * @param attributes without extended ones, which the file must not have either
     * @param size in bytes
     * @return false if there is none, or the file system refuses; then it is to be written
     */
    boolean share(byte[] path, Fd layer, Attributes attributes, long size);

    /**
     * Makes a device or a fifo; {@code major} and {@code minor} are of devices only. Where this process is a plain user's, devices and
     * their hard links are left out, and what stands there goes all the same: nobody can make one in a user namespace.
     */
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
