package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What files hold, as sha256: each file is read once, and again only when its size or its times have changed. It is remembered by
 * device and inode, so that a renamed file is known again. For many threads.
 *
 * <p>The time of change cannot be set by anybody, but is only as exact as the kernel's tick: a file that changed a moment ago is not
 * remembered.
 */
public final class FileHashes {
    private static final int HASH = 32;
    private static final int ENTRY = 5 * Long.BYTES + HASH;
    private static final int BUFFER = 128 * 1024;

    /** Longer than a tick of any kernel. */
    private static final long DOUBTFUL_NANOS = 50_000_000;

    private final Map<Key, Known> known = new ConcurrentHashMap<>();
    private volatile boolean changed;

    private record Key(long device, long inode) {}

    private record Known(long size, Instant changed, byte[] hash) {
        boolean isOf(TreeScan.Entry entry) {
            return size == entry.size() && changed.equals(entry.changed());
        }
    }

    private FileHashes() {}

    /** @param bytes of {@link #toBytes()}, or of anything else: then nothing is known */
    public static FileHashes of(byte[] bytes) {
        var hashes = new FileHashes();
        if (bytes.length % ENTRY == 0) {
            var buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                var key = new Key(buffer.getLong(), buffer.getLong());
                var size = buffer.getLong();
                var seconds = buffer.getLong();
                var nanos = buffer.getLong();
                var hash = new byte[HASH];
                buffer.get(hash);
                hashes.known.put(key, new Known(size, Instant.ofEpochSecond(seconds, nanos), hash));
            }
        }
        return hashes;
    }

    public byte[] toBytes() {
        var entries = Map.copyOf(known);
        var buffer = ByteBuffer.allocate(entries.size() * ENTRY);
        entries.forEach((key, value) -> buffer.putLong(key.device)
                .putLong(key.inode)
                .putLong(value.size)
                .putLong(value.changed.getEpochSecond())
                .putLong(value.changed.getNano())
                .put(value.hash));
        return buffer.array();
    }

    /** Whether there is more to remember than at the beginning. */
    public boolean isChanged() {
        return changed;
    }

    /** Whether a regular file need not be read. */
    public boolean knows(TreeScan.Entry entry) {
        return find(entry).isPresent();
    }

    /** What a regular file held when it was found, if that is known without reading it. */
    public Optional<Digest> find(TreeScan.Entry entry) {
        return Optional.ofNullable(known.get(new Key(entry.device(), entry.inode())))
                .filter(old -> old.isOf(entry))
                .map(old -> Digest.sha256(old.hash));
    }

    static byte[] sha256(byte[] content) {
        return digest().digest(content);
    }

    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // in every JDK
        }
    }

    /** Reads files, one after the other; for one thread. */
    final class Reader {
        private final Fd root;
        private final Place where;
        private final Statx stat = new Statx();
        private final NativeMemory name = NativeMemory.allocate(8192);
        private final NativeMemory buffer = NativeMemory.allocate(BUFFER);

        Reader(Fd root, Place where) {
            this.root = root;
            this.where = where;
        }

        boolean isOf(FileHashes hashes) {
            return hashes == FileHashes.this;
        }

        /** Of a regular file as a scan has found it. */
        byte[] hash(TreeScan.Entry entry) {
            var key = new Key(entry.device(), entry.inode());
            var old = known.get(key);
            if (old != null && old.isOf(entry)) {
                return old.hash.clone();
            }
            var before = Instant.now();
            var hash = read(entry.path());
            var after = Instant.ofEpochSecond(stat.changedSeconds(), stat.changedNanos());
            if (entry.changed().plusNanos(DOUBTFUL_NANOS).isBefore(before)
                    && stat.size() == entry.size()
                    && after.equals(entry.changed())) {
                known.put(key, new Known(entry.size(), after, hash.clone()));
                changed = true;
            }
            return hash;
        }

        private byte[] read(byte[] path) {
            var what = "cannot read " + Names.shown(path);
            Failures.requireNotInterrupted(what);
            var opened = Lookup.open(
                    root.number(),
                    Names.put(name, path),
                    Abi.O_RDONLY | Abi.O_NOFOLLOW | Abi.O_NONBLOCK | Abi.O_NOCTTY,
                    Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS);
            check(what, Syscall.OPENAT2, opened);
            var digest = digest();
            try (var file = Fd.of(opened)) {
                while (true) {
                    var count = Syscalls.call(Syscall.READ, file.number(), buffer.address(), BUFFER);
                    if (Errno.EINTR.is(count)) {
                        continue;
                    }
                    check(what, Syscall.READ, count);
                    if (count == 0) {
                        check(what, Syscall.STATX, stat.of(file.number()));
                        return digest.digest();
                    }
                    digest.update(buffer.bytes().slice(0, (int) count));
                }
            }
        }

        private void check(String what, Syscall call, long result) {
            if (result < 0) {
                throw Failures.of(what, call, result, where);
            }
        }
    }

    @Override
    public String toString() {
        return "FileHashes[" + known.size() + " files]";
    }
}
