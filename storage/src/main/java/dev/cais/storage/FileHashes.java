package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.Optional;

/**
 * What files hold, as sha256: each file is read once, and again only when its size or its times have changed. It is remembered by
 * device and inode, so that a renamed file is known again. For many threads.
 *
 * <p>The time of change cannot be set by anybody, but is only as exact as the kernel's tick: a file that changed a moment ago is not
 * remembered.
 */
public final class FileHashes {
    private static final int BUFFER = 128 * 1024;

    /** Longer than a tick of any kernel. */
    private static final long DOUBTFUL_NANOS = 50_000_000;

    /** What is known takes no more of the heap than this part of it; files beyond are not remembered. */
    private static final int PART_OF_HEAP = 8;

    private final HashTable known; // guarded by itself
    private volatile boolean changed;

    private FileHashes(HashTable known) {
        this.known = known;
    }

    /** @param bytes of {@link #toBytes()}, or of anything else: then nothing is known */
    public static FileHashes of(byte[] bytes) {
        return new FileHashes(HashTable.of(bytes));
    }

    /** All that was of use, and what else was of use not long ago. */
    public byte[] toBytes() {
        synchronized (known) {
            return known.toBytes();
        }
    }

    /** Whether there is more to remember than at the beginning. */
    public boolean isChanged() {
        return changed;
    }

    /** Whether a regular file need not be read. */
    public boolean knows(TreeScan.Entry entry) {
        synchronized (known) {
            return known.has(entry);
        }
    }

    /** What a regular file held when it was found, if that is known without reading it: its sha256. */
    public Optional<byte[]> find(TreeScan.Entry entry) {
        synchronized (known) {
            return Optional.ofNullable(known.find(entry));
        }
    }

    private void remember(TreeScan.Entry entry, byte[] hash) {
        synchronized (known) {
            if (known.nextSize() <= Runtime.getRuntime().maxMemory() / PART_OF_HEAP) {
                known.put(entry.device(), entry.inode(), entry.size(), entry.changed(), hash);
                changed = true;
            }
        }
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
        private final byte[] chunk = new byte[BUFFER];
        private final MessageDigest digest =
                digest(); // a new one for each file would be most of what a build allocates

        Reader(Fd root, Place where) {
            this.root = root;
            this.where = where;
        }

        boolean isOf(FileHashes hashes) {
            return hashes == FileHashes.this;
        }

        /** Of a regular file as a scan has found it. */
        byte[] hash(TreeScan.Entry entry) {
            var old = find(entry);
            if (old.isPresent()) {
                return old.get();
            }
            var before = Instant.now();
            var hash = read(entry.path());
            var after = Instant.ofEpochSecond(stat.changedSeconds(), stat.changedNanos());
            if (entry.changed().plusNanos(DOUBTFUL_NANOS).isBefore(before)
                    && stat.size() == entry.size()
                    && after.equals(entry.changed())) {
                remember(entry, hash);
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
            digest.reset(); // of a file that failed
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
                    buffer.bytes().get(0, chunk, 0, (int) count);
                    digest.update(chunk, 0, (int) count);
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
        synchronized (known) {
            return "FileHashes[" + known.count() + " files]";
        }
    }
}
