package dev.cais.storage;

import dev.cais.linux.NativeMemory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Paths as the kernel has them: bytes, with {@code /} between components; empty for the root. */
final class Names {
    static final byte[] NONE = {};
    static final byte[] DOT = {'.'};

    private Names() {}

    static byte[] of(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String shown(byte[] path) {
        return path.length == 0 ? "the root" : new String(path, StandardCharsets.UTF_8);
    }

    /** Where the last component begins. */
    static int lastStart(byte[] path) {
        for (var i = path.length - 1; i >= 0; i--) {
            if (path[i] == '/') {
                return i + 1;
            }
        }
        return 0;
    }

    static byte[] last(byte[] path) {
        return Arrays.copyOfRange(path, lastStart(path), path.length);
    }

    /** Where the first component ends. */
    static int firstEnd(byte[] path) {
        for (var i = 0; i < path.length; i++) {
            if (path[i] == '/') {
                return i;
            }
        }
        return path.length;
    }

    static byte[] join(byte[] directory, byte[] name) {
        if (directory.length == 0) {
            return name;
        }
        if (name.length == 0) {
            return directory;
        }
        var joined = Arrays.copyOf(directory, directory.length + 1 + name.length);
        joined[directory.length] = '/';
        System.arraycopy(name, 0, joined, directory.length + 1, name.length);
        return joined;
    }

    static boolean isAtOrBelow(byte[] path, byte[] ancestor) {
        return path.length >= ancestor.length
                && Arrays.equals(path, 0, ancestor.length, ancestor, 0, ancestor.length)
                && (path.length == ancestor.length || path[ancestor.length] == '/');
    }

    /** As {@link Arrays#hashCode(byte[])} of the first bytes. */
    static int hash(byte[] path, int length) {
        var hash = 1;
        for (var i = 0; i < length; i++) {
            hash = 31 * hash + path[i];
        }
        return hash;
    }

    /**
     * Puts a path into memory, NUL behind it, and gives its address. What is too long for the memory, which is beyond
     * PATH_MAX, is cut so that the kernel still finds it too long.
     */
    static long put(NativeMemory memory, byte[] path) {
        return put(memory, path, 0);
    }

    /** Likewise its last component. */
    static long putLast(NativeMemory memory, byte[] path) {
        return put(memory, path, lastStart(path));
    }

    private static long put(NativeMemory memory, byte[] path, int from) {
        var length = Math.min(path.length - from, memory.size() - 1);
        memory.bytes().put(0, path, from, length).put(length, (byte) 0);
        return memory.address();
    }
}
