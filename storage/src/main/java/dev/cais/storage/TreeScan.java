package dev.cais.storage;

import dev.cais.Digest;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.linux.Lookup;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Looks at files below a directory without opening them: names, kinds, sizes and times. What a name stands for is never followed, and
 * nothing outside the directory is seen. Mounts are entered. For one thread; several of them may share a {@link TreeLook}.
 */
public final class TreeScan {
    private static final int BUFFER = 64 * 1024;
    private static final int LONGEST_LINK = 4096;
    private static final int RESOLVE = Abi.RESOLVE_BENEATH | Abi.RESOLVE_NO_SYMLINKS | Abi.RESOLVE_NO_MAGICLINKS;

    /**
     * A file of any kind but a socket.
     *
     * @param path from the root of the scan, without {@code /} at its ends
     * @param type one of the {@code S_IF} constants
     * @param mode the twelve permission bits
     * @param changed when its content or its attributes changed last
     * @param links how many names it has, wherever
     * @param target of a symbolic link; empty for others
     */
    public record Entry(
            byte[] path,
            int type,
            int mode,
            long uid,
            long gid,
            long size,
            long device,
            long inode,
            Instant modified,
            Instant changed,
            long links,
            byte[] target) {
        public boolean isDirectory() {
            return type == Abi.S_IFDIR;
        }

        public boolean isFile() {
            return type == Abi.S_IFREG;
        }

        public boolean isLink() {
            return type == Abi.S_IFLNK;
        }

        public boolean isDevice() {
            return type == Abi.S_IFCHR || type == Abi.S_IFBLK;
        }

        /** Tells files apart that may have several names; nothing for those that have one. */
        public Optional<String> identity() {
            return isFile() && links > 1 ? Optional.of(device + ":" + inode) : Optional.empty();
        }

        /** The path as text; what is not UTF-8 in it is lost. */
        public String name() {
            return new String(path, StandardCharsets.UTF_8);
        }

        /** As in {@code src/Main.java}. */
        @Override
        public String toString() {
            return name();
        }
    }

    /** Says what is looked at. */
    public interface Choice {
        /** Whether a file is wanted; asked of directories, too, whose files may be wanted though they are not. */
        boolean wants(String path, boolean directory);

        /** Whether something in a directory may be wanted, though it is not itself. */
        boolean enters(String path);
    }

    /** Of paths: a directory comes before what is in it, and that before the next name. Names are in order of their bytes. */
    public static final Comparator<byte[]> ORDER = TreeScan::compare;

    /** Everything. */
    public static final Choice ALL = new Choice() {
        @Override
        public boolean wants(String path, boolean directory) {
            return true;
        }

        @Override
        public boolean enters(String path) {
            return true;
        }
    };

    private final Fd root;
    private final Place where;
    private final Statx stat = new Statx();
    private final NativeMemory name = NativeMemory.allocate(8192);
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private final FileAttributes attributes;
    private FileHashes.@Nullable Reader reader;

    /**
     * @param root any descriptor of a directory, not closed
     * @param name for messages, as in {@code context app}
     */
    public TreeScan(Fd root, String name) {
        this.root = root;
        this.where = Place.tree(name);
        this.attributes = new FileAttributes(where, buffer);
    }

    /**
     * What is at a path and below it, in order of the names' bytes, directories before what is in them.
     *
     * @param path resolved: no link is on its way, nor at its end
     * @return nothing if nothing is there, or it is not wanted; directories that are not, if they hold something that is
     * @throws dev.cais.StorageException if something cannot be read, or the heap is too small for all that
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public List<Entry> below(byte[] path, Choice choice) {
        var look = look(path, choice);
        carryOut(look);
        return look.found();
    }

    /**
     * Begins what {@link #below} does, for several scans of the same root to {@linkplain #carryOut carry it out}, each in a thread
     * of its own.
     *
     * @param choice for many threads, then
     */
    public TreeLook look(byte[] path, Choice choice) {
        var look = new TreeLook(path, choice, where);
        var opened = open(path, Abi.O_PATH | Abi.O_NOFOLLOW);
        if (isGone(opened)) {
            return look;
        }
        check(opened, Syscall.OPENAT2, path);
        try (var start = Fd.of(opened)) {
            check(stat.of(start.number()), Syscall.STATX, path);
            var first = entry(start, Names.NONE, path);
            look.begin(first, choice.wants(first.name(), first.isDirectory()));
        }
        return look;
    }

    /** Carries out what is to be done, and returns when all is, whoever does it. */
    public void carryOut(TreeLook look) {
        carryOut(look, Integer.MAX_VALUE);
    }

    /**
     * The same, until there is much to be done.
     *
     * @param many as many directories are
     * @return whether nothing is left
     */
    public boolean carryOut(TreeLook look, int many) {
        for (var next = look.take(many); next != null; next = look.take(many)) {
            var done = false;
            try {
                list(next, look);
                done = true;
            } finally {
                look.end(next, done);
            }
        }
        return look.isDone();
    }

    /**
     * What is in a directory itself, in order of the names' bytes.
     *
     * @param directory resolved
     * @return nothing if it is no directory
     */
    public List<Entry> in(byte[] directory, Choice choice) {
        var look = new TreeLook(directory, choice, where);
        list(look.top(), look);
        return look.found();
    }

    private static int compare(byte[] one, byte[] other) {
        var difference = Arrays.mismatch(one, other);
        if (difference < 0) {
            return 0;
        }
        if (difference == one.length || difference == other.length) {
            return one.length - other.length;
        }
        return weight(one[difference]) - weight(other[difference]);
    }

    private static int weight(byte value) {
        return value == '/' ? -1 : Byte.toUnsignedInt(value);
    }

    private void list(TreeLook.Folder folder, TreeLook look) {
        var path = folder.path();
        Failures.requireNotInterrupted("cannot read " + Names.shown(path));
        var opened = open(path, Abi.O_RDONLY | Abi.O_DIRECTORY);
        if (isGone(opened)) {
            return;
        }
        check(opened, Syscall.OPENAT2, path);
        try (var listed = Fd.of(opened)) {
            var names = Listing.read(
                    listed.number(), buffer, result -> check(result, Syscall.GETDENTS64, path), TreeLook.mostNames());
            if (names.size() > TreeLook.mostNames()) {
                throw look.tooMany();
            }
            for (var last : names) {
                visit(listed, last, folder, look);
            }
        }
    }

    private void visit(Fd directory, byte[] last, TreeLook.Folder folder, TreeLook look) {
        var path = Names.join(folder.path(), last);
        var looked = stat.of(directory.number(), Names.put(name, last));
        if (isGone(looked)) {
            return;
        }
        check(looked, Syscall.STATX, path);
        if (stat.type() == Abi.S_IFSOCK) {
            return;
        }
        var choice = look.choice();
        var isDirectory = stat.isDirectory();
        var text = choice == ALL ? "" : new String(path, StandardCharsets.UTF_8); // made for each file, it costs
        var isWanted = choice.wants(text, isDirectory);
        if (isDirectory && (isWanted || choice.enters(text))) {
            look.count(path);
            folder.add(entry(directory, last, path), isWanted);
        } else if (isWanted) {
            look.count(path);
            folder.add(entry(directory, last, path));
        }
    }

    private Entry entry(Fd directory, byte[] last, byte[] path) {
        var modified = Instant.ofEpochSecond(stat.modifiedSeconds(), stat.modifiedNanos());
        var changed = Instant.ofEpochSecond(stat.changedSeconds(), stat.changedNanos());
        var type = stat.type();
        var mode = stat.mode();
        var uid = stat.uid();
        var gid = stat.gid();
        var size = stat.size();
        var device = stat.device();
        var inode = stat.inode();
        var links = stat.links();
        var target = type == Abi.S_IFLNK ? target(directory, last, path) : Names.NONE;
        return new Entry(path, type, mode, uid, gid, size, device, inode, modified, changed, links, target);
    }

    private byte[] target(Fd directory, byte[] last, byte[] path) {
        var length = FileCalls.readLink(directory.number(), Names.put(name, last), buffer.address(), LONGEST_LINK);
        var target = new byte[(int) check(length, Syscall.READLINKAT, path)];
        buffer.bytes().get(0, target);
        return target;
    }

    /**
     * A digest of what was found: of each file its path, kind, permissions, what it holds, and whether it is another of them by another
     * name; of no time.
     *
     * @param prefix length of what all paths begin with and is left out
     * @param owners whether owners count, and extended attributes
     * @param hashes reads the files that it does not know
     */
    public Digest digest(List<Entry> entries, int prefix, boolean owners, FileHashes hashes) {
        var reader = reader(hashes);
        var digest = FileHashes.digest();
        var numbers = ByteBuffer.allocate(7 * Integer.BYTES);
        var firstNames = new HashMap<String, Integer>();
        for (var i = 0; i < entries.size(); i++) {
            var entry = entries.get(i);
            var path = entry.path();
            var from = Math.min(prefix, path.length);
            var content = entry.isFile() ? reader.hash(entry) : entry.target();
            var xattrs = owners ? xattrs(entry) : List.<Xattr>of();
            numbers.clear();
            numbers.putInt(path.length - from)
                    .putInt(entry.type() | entry.mode())
                    .putInt(owners ? (int) entry.uid() : 0)
                    .putInt(owners ? (int) entry.gid() : 0)
                    .putInt(firstName(firstNames, entry, i))
                    .putInt(content.length)
                    .putInt(xattrs.size());
            digest.update(numbers.array());
            digest.update(path, from, path.length - from);
            digest.update(content);
            update(digest, xattrs);
        }
        return Digest.sha256(digest.digest());
    }

    private static void update(MessageDigest digest, List<Xattr> xattrs) {
        var lengths = ByteBuffer.allocate(2 * Integer.BYTES);
        for (var xattr : xattrs) {
            var key = Names.of(xattr.name());
            lengths.clear();
            digest.update(
                    lengths.putInt(key.length).putInt(xattr.value().length).array());
            digest.update(key);
            digest.update(xattr.value());
        }
    }

    /**
     * The extended attributes of a file that was found, in order of their names; but marks of overlayfs and labels of this host.
     *
     * @return nothing if the file is gone
     */
    public List<Xattr> xattrs(Entry entry) {
        var opened = open(entry.path(), Abi.O_PATH | Abi.O_NOFOLLOW);
        if (isGone(opened)) {
            return List.of();
        }
        try (var file = Fd.of(check(opened, Syscall.OPENAT2, entry.path()))) {
            return xattrs(file, entry);
        }
    }

    /**
     * The same of a file that is open.
     *
     * @param file any descriptor
     */
    public List<Xattr> xattrs(Fd file, Entry entry) {
        return attributes.xattrs(file, entry.path());
    }

    /** A short word that tells lists of attributes apart; nothing for none. */
    public static String shown(List<Xattr> xattrs) {
        if (xattrs.isEmpty()) {
            return "";
        }
        var digest = FileHashes.digest();
        update(digest, xattrs);
        return " " + Digest.sha256(digest.digest()).hex().substring(0, 16);
    }

    /** Which of the entries is the same file, or -1. */
    private static int firstName(Map<String, Integer> known, Entry entry, int number) {
        return entry.identity()
                .map(identity -> known.putIfAbsent(identity, number))
                .orElse(-1);
    }

    /** Opens a regular file that was found, for reading. */
    public Fd read(Entry entry) {
        var opened = open(entry.path(), Abi.O_RDONLY | Abi.O_NOFOLLOW | Abi.O_NONBLOCK | Abi.O_NOCTTY);
        return Fd.of(check(opened, Syscall.OPENAT2, entry.path()));
    }

    /** Takes what a file holds. */
    public interface Reading {
        /**
         * @param file open for reading
         * @param content as many bytes as the file had when it was found
         */
        void read(Fd file, FileContent content);
    }

    /**
     * Reads a regular file that was found.
     *
     * @return whether it was the same before and after: false if it has changed since it was found, or is gone
     */
    public boolean read(Entry entry, Reading reading) {
        var opened = open(entry.path(), Abi.O_RDONLY | Abi.O_NOFOLLOW | Abi.O_NONBLOCK | Abi.O_NOCTTY);
        if (isGone(opened)) {
            return false;
        }
        try (var file = Fd.of(check(opened, Syscall.OPENAT2, entry.path()))) {
            reading.read(file, new FileContent(file, entry.size(), buffer, entry.path(), where));
            check(stat.of(file.number()), Syscall.STATX, entry.path());
            return stat.inode() == entry.inode()
                    && stat.device() == entry.device()
                    && stat.size() == entry.size()
                    && entry.changed().equals(Instant.ofEpochSecond(stat.changedSeconds(), stat.changedNanos()));
        }
    }

    /** The sha256 of a regular file that was found. */
    public Digest hash(Entry entry, FileHashes hashes) {
        return Digest.sha256(reader(hashes).hash(entry));
    }

    private FileHashes.Reader reader(FileHashes hashes) {
        if (reader == null || !reader.isOf(hashes)) {
            reader = hashes.new Reader(root, where);
        }
        return reader;
    }

    private static boolean isGone(long result) {
        return Errno.ENOENT.is(result) || Errno.ENOTDIR.is(result) || Errno.ELOOP.is(result);
    }

    private long open(byte[] path, int flags) {
        return Lookup.open(root.number(), Names.put(name, path.length == 0 ? Names.DOT : path), flags, RESOLVE);
    }

    private long check(long result, Syscall call, byte[] path) {
        if (result < 0) {
            throw Failures.of("cannot read " + Names.shown(path), call, result, where);
        }
        return result;
    }
}
