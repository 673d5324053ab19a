package dev.cais.storage;

import dev.cais.linux.FileCalls;
import dev.cais.linux.Statx;

/** A directory that is held open, and what it hands down to new files in it. */
final class OpenDirectory {
    static final int S_ISGID = 02000;

    final byte[] path;
    final int hash;
    final int fd;
    /** Whether the way here may have led over a link, so that it may be open under its own path, too. */
    final boolean alias;

    /** What its times shall be when it is let go of. */
    Times times;

    long gid;
    boolean setgid;
    long lastUse;
    /** Whether its times are set, and are no longer ours to set. */
    boolean settled;

    private OpenDirectory(byte[] path, long fd, boolean alias, Times times, long gid, boolean setgid) {
        this.path = path;
        this.hash = Names.hash(path, path.length);
        this.fd = (int) fd;
        this.alias = alias;
        this.times = times;
        this.gid = gid;
        this.setgid = setgid;
    }

    /** One that was there. */
    static OpenDirectory of(byte[] path, long fd, boolean alias, Statx stat) {
        return new OpenDirectory(path, fd, alias, Times.of(stat), stat.gid(), (stat.mode() & S_ISGID) != 0);
    }

    /** One that was made just now. */
    static OpenDirectory of(byte[] path, long fd, boolean alias, Attributes attributes) {
        return new OpenDirectory(
                path,
                fd,
                alias,
                Times.of(attributes),
                FileCalls.group(attributes.gid()),
                (attributes.mode() & S_ISGID) != 0);
    }

    void changed(Attributes attributes) {
        times = Times.of(attributes);
        gid = FileCalls.group(attributes.gid());
        setgid = (attributes.mode() & S_ISGID) != 0;
    }
}
