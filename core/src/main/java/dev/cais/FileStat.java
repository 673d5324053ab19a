package dev.cais;

import java.time.Instant;

/**
 * What a file of a container is, as stat(2) tells it.
 *
 * @param name the last component of its path; {@code /} for the root
 * @param size of a file its bytes, of a link those of where it leads to
 * @param mode its twelve permission bits
 * @param linkTarget where a link leads to, as it is written; empty for others
 */
public record FileStat(
        String name, Kind kind, ByteSize size, int mode, long uid, long gid, Instant modified, String linkTarget) {
    public enum Kind {
        FILE,
        DIRECTORY,
        /** A symbolic one. */
        LINK,
        CHARACTER_DEVICE,
        BLOCK_DEVICE,
        FIFO,
        SOCKET
    }

    public boolean isDirectory() {
        return kind == Kind.DIRECTORY;
    }

    /** {@code FileStat[passwd, FILE, 0644, 0:0, 1.2 KiB]}. */
    @Override
    public String toString() {
        return "FileStat[%s, %s, %04o, %d:%d, %s%s]"
                .formatted(name, kind, mode, uid, gid, size, linkTarget.isEmpty() ? "" : ", to " + linkTarget);
    }
}
