package dev.cais.storage;

import dev.cais.InvalidSpecException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.Lookup;
import dev.cais.linux.Scratch;
import dev.cais.linux.Statx;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Optional;

/**
 * Looks up paths of a container from its root: the kernel resolves each within it, so that no link leads out, and nothing is opened but as
 * a place. Paths are without {@code /} at their ends, {@code .} and {@code ..}; empty for the root.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/openat2.2.html">openat2(2), RESOLVE_IN_ROOT</a>
 */
public final class InRoot {
    private static final int MOST_LINKS = 40;
    private static final int LONGEST_PATH = 4096;

    /** Including a NUL at the end: {@code limits.h}. */
    private static final int PATH_MAX = 4096;

    private final Fd root;
    private final String name;

    /** @param name for messages: {@code container web} */
    public InRoot(Fd root, String name) {
        this.root = root;
        this.name = name;
    }

    /**
     * A path that a user wrote; what climbs above the root stays there.
     *
     * @throws InvalidSpecException if it is empty, has a NUL, or is longer than the kernel takes
     */
    public static byte[] path(String text) {
        if (text.isEmpty() || text.indexOf('\0') >= 0) {
            throw new InvalidSpecException("cannot use a path in a container: it is empty or has a NUL character");
        }
        var path = clean(text.getBytes(StandardCharsets.UTF_8));
        if (path.length >= PATH_MAX) {
            throw new InvalidSpecException("cannot use a path in a container: it is longer than " + (PATH_MAX - 1)
                    + " bytes, and begins with " + new String(path, 0, 40, StandardCharsets.UTF_8));
        }
        return path;
    }

    /** Whether a user's path asks for a directory by its end: {@code /} or {@code /.}. */
    public static boolean asksForDirectory(String text) {
        return text.endsWith("/") || asksForContents(text);
    }

    /** Whether a user's path stands for what is in a directory. */
    public static boolean asksForContents(String text) {
        return text.equals(".") || text.endsWith("/.");
    }

    private static byte[] clean(byte[] path) {
        var components = new ArrayList<byte[]>();
        var start = 0;
        for (var at = 0; at <= path.length; at++) {
            if (at == path.length || path[at] == '/') {
                var component = Arrays.copyOfRange(path, start, at);
                start = at + 1;
                if (Arrays.equals(component, new byte[] {'.', '.'})) {
                    if (!components.isEmpty()) {
                        components.remove(components.size() - 1);
                    }
                } else if (component.length > 0 && !Arrays.equals(component, new byte[] {'.'})) {
                    components.add(component);
                }
            }
        }
        var clean = new ByteArrayOutputStream();
        for (var component : components) {
            if (clean.size() > 0) {
                clean.write('/');
            }
            clean.writeBytes(component);
        }
        return clean.toByteArray();
    }

    public static byte[] join(byte[] directory, byte[] last) {
        return directory.length == 0 ? last : joined(directory, last);
    }

    private static byte[] joined(byte[] directory, byte[] last) {
        var joined = Arrays.copyOf(directory, directory.length + 1 + last.length);
        joined[directory.length] = '/';
        System.arraycopy(last, 0, joined, directory.length + 1, last.length);
        return joined;
    }

    public static byte[] parent(byte[] path) {
        return Arrays.copyOf(path, Math.max(0, lastStart(path) - 1));
    }

    public static byte[] last(byte[] path) {
        return Arrays.copyOfRange(path, lastStart(path), path.length);
    }

    private static int lastStart(byte[] path) {
        for (var i = path.length - 1; i >= 0; i--) {
            if (path[i] == '/') {
                return i + 1;
            }
        }
        return 0;
    }

    /** As users write it. */
    public static String shown(byte[] path) {
        return "/" + new String(path, StandardCharsets.UTF_8);
    }

    /** What is at a path, every link followed; empty if there is nothing. */
    public Optional<Fd> find(byte[] path) {
        return open(path, 0);
    }

    /** The same, but a link at the end is what is found. */
    public Optional<Fd> findItself(byte[] path) {
        return open(path, Abi.O_NOFOLLOW);
    }

    private Optional<Fd> open(byte[] path, int flags) {
        try (var scratch = Scratch.frame()) {
            var address = scratch.path(path.length == 0 ? new byte[] {'.'} : path);
            var opened = Lookup.open(
                    root.number(), address, Abi.O_PATH | flags, Abi.RESOLVE_IN_ROOT | Abi.RESOLVE_NO_MAGICLINKS);
            if (Errno.ENOENT.is(opened) || Errno.ENOTDIR.is(opened)) {
                return Optional.empty();
            }
            return Optional.of(
                    Fd.of(Syscalls.checked("cannot look for " + shown(path) + " in " + name, Syscall.OPENAT2, opened)));
        }
    }

    public static boolean isDirectory(Fd file) {
        var stat = new Statx();
        return stat.of(file.number()) == 0 && stat.isDirectory();
    }

    public boolean isDirectory(byte[] path) {
        var found = find(path);
        try {
            return found.isPresent() && isDirectory(found.get());
        } finally {
            found.ifPresent(Fd::close);
        }
    }

    /** The path that a link at the end of a path leads to, whether there is something or not. */
    public byte[] followLast(byte[] path) {
        var at = path;
        for (var links = 0; links < MOST_LINKS; links++) {
            var target = target(at);
            if (target.isEmpty()) {
                return at;
            }
            at = target.get()[0] == '/' ? clean(target.get()) : clean(joined(parent(at), target.get()));
        }
        throw Errno.ELOOP.exception("cannot follow " + shown(path) + " in " + name, Syscall.READLINKAT);
    }

    private Optional<byte[]> target(byte[] path) {
        var found = findItself(path);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        try (var link = found.get()) {
            return linkTarget(link);
        }
    }

    /** Where a link leads to; empty if it is none. */
    public static Optional<byte[]> linkTarget(Fd link) {
        try (var scratch = Scratch.frame()) {
            var buffer = scratch.take(LONGEST_PATH);
            var length = Syscalls.call(
                    Syscall.READLINKAT, link.number(), scratch.path(""), Scratch.address(buffer), LONGEST_PATH);
            if (length <= 0) { // no link
                return Optional.empty();
            }
            var target = new byte[(int) length];
            buffer.get(0, target);
            return Optional.of(target);
        }
    }
}
