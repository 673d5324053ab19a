package dev.cais.storage;

import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import java.time.Instant;

/** When a file was read and changed, as utimensat(2) takes it. */
record Times(long accessed, int accessedNanos, long modified, int modifiedNanos) {
    static Times of(Attributes attributes) {
        return of(attributes.accessed(), attributes.modified());
    }

    private static Times of(Instant accessed, Instant modified) {
        var accessedSeconds = accessed.getEpochSecond();
        var accessedNanos = accessed.getNano();
        var modifiedSeconds = modified.getEpochSecond();
        var modifiedNanos = modified.getNano();
        return new Times(accessedSeconds, accessedNanos, modifiedSeconds, modifiedNanos);
    }

    static Times of(Statx stat) {
        return new Times(stat.accessedSeconds(), stat.accessedNanos(), stat.modifiedSeconds(), stat.modifiedNanos());
    }

    /** Two timespecs; gives their address. */
    long put(NativeMemory memory) {
        memory.bytes().putLong(0, accessed).putLong(8, accessedNanos);
        memory.bytes().putLong(16, modified).putLong(24, modifiedNanos);
        return memory.address();
    }
}
