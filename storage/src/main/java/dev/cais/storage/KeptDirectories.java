package dev.cais.storage;

import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The last few directories of a tree in which something was written: most files of a tar stand beside the one before. A kept directory
 * has one path only, no link led to it; so its times, which it gets back when it is let go of, are known in one place. One that was
 * reached through a link is let go of after one operation, and all kept ones before it.
 */
final class KeptDirectories {
    private static final int KEPT = 24;

    private final AttributeCalls calls;
    private final @Nullable OpenDirectory[] kept = new @Nullable OpenDirectory[KEPT];
    private final List<OpenDirectory> letGo = new ArrayList<>();
    private long clock;

    KeptDirectories(AttributeCalls calls) {
        this.calls = calls;
    }

    /** The directory that the first bytes of a path name, if it is kept. */
    @Nullable
    OpenDirectory find(byte[] path, int length) {
        var hash = Names.hash(path, length);
        for (var each : kept) {
            if (each != null && each.hash == hash && Arrays.equals(each.path, 0, each.path.length, path, 0, length)) {
                each.lastUse = ++clock;
                return each;
            }
        }
        return null;
    }

    /** Keeps a directory open for the next operations, or for this one if it may have another path. */
    OpenDirectory remember(OpenDirectory fresh) {
        if (fresh.alias) {
            letGo.add(fresh);
            return fresh;
        }
        fresh.lastUse = ++clock;
        var slot = 0;
        var oldest = Long.MAX_VALUE;
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            var use = each == null ? -1 : each.lastUse;
            if (use < oldest) {
                oldest = use;
                slot = i;
            }
        }
        var evicted = kept[slot];
        if (evicted != null) {
            release(evicted);
        }
        kept[slot] = fresh;
        return fresh;
    }

    /** Lets go of the directories that are about to be removed. */
    void forget(byte[] path) {
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            if (each != null && Names.isAtOrBelow(each.path, path)) {
                kept[i] = null;
                each.settled = true;
                letGo.add(each);
            }
        }
    }

    /** Gives all kept directories their times; those that the current operation uses stay open until it ends. */
    void settleAll() {
        for (var i = 0; i < KEPT; i++) {
            var each = kept[i];
            if (each != null) {
                kept[i] = null;
                settle(each);
                letGo.add(each);
            }
        }
    }

    /** Another operation begins: ends what the last one left open. */
    void begin() {
        letGo.forEach(this::release);
        letGo.clear();
    }

    private void settle(OpenDirectory directory) {
        if (!directory.settled) {
            directory.settled = true;
            calls.setTimes(directory.fd, directory.times);
        }
    }

    void release(OpenDirectory directory) {
        settle(directory);
        Syscalls.call(Syscall.CLOSE, directory.fd);
    }
}
