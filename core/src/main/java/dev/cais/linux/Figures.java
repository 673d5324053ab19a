package dev.cais.linux;

import dev.cais.KernelException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The numbers in small files of the kernel's, such as those of cgroupfs and proc(5): read one after another into one buffer, and
 * found in its bytes. Three system calls a file, and no text is made of it.
 *
 * <p>Belongs to one thread.
 */
public final class Figures {
    private static final int BLOCK = 1 << 14;
    private static final int MAX_SIZE = 1 << 24;

    private byte[] content = new byte[BLOCK];
    private int length;
    /** Where the next word or line begins. */
    private int position;

    /**
     * Reads a whole file.
     *
     * @param path relative to the directory
     * @return false if there is no such file, or what it tells of is gone
     * @throws KernelException if it cannot be read
     */
    public boolean read(Fd directory, String path) {
        return read(directory.number(), path);
    }

    /** The same for an absolute path. */
    public boolean read(String path) {
        return read(Abi.AT_FDCWD, path);
    }

    private boolean read(int directory, String path) {
        position = 0;
        length = 0;
        try (var scratch = Scratch.frame()) {
            long fd;
            do {
                fd = Syscalls.call(Syscall.OPENAT, directory, scratch.path(path), Abi.O_RDONLY | Abi.O_CLOEXEC);
            } while (Errno.EINTR.is(fd));
            if (isGone(fd)) {
                return false;
            }
            Syscalls.checked("cannot read " + path, Syscall.OPENAT, fd);
            try {
                return readAll(scratch, fd, path);
            } finally {
                Syscalls.call(Syscall.CLOSE, fd);
            }
        }
    }

    private boolean readAll(Scratch scratch, long fd, String path) {
        var block = scratch.take(BLOCK);
        while (true) {
            var count = Syscalls.call(Syscall.READ, fd, Scratch.address(block), BLOCK);
            if (Errno.EINTR.is(count)) {
                continue;
            }
            if (isGone(count)) {
                return false;
            }
            Syscalls.checked("cannot read " + path, Syscall.READ, count);
            if (count == 0 || length > MAX_SIZE) {
                return true;
            }
            if (length + count > content.length) {
                content = Arrays.copyOf(content, Math.max(content.length * 2, length + (int) count));
            }
            block.get(0, content, length, (int) count);
            length += (int) count;
        }
    }

    private static boolean isGone(long result) {
        return Errno.ENOENT.is(result) || Errno.ENODEV.is(result) || Errno.ESRCH.is(result) || Errno.ENOTSUP.is(result);
    }

    /** For tests: the text stands for a file's content. */
    static Figures of(String text) {
        var figures = new Figures();
        figures.content = text.getBytes(StandardCharsets.UTF_8);
        figures.length = figures.content.length;
        return figures;
    }

    /** The number that the file begins with; {@link Long#MAX_VALUE} for {@code max}. */
    public long number() {
        position = 0;
        return nextNumber();
    }

    /** The number behind a name in a file of lines {@code name number}; 0 if it is not there. */
    public long field(String name) {
        return has(name) ? nextNumber() : 0;
    }

    /** Whether there is a line {@code name number}. */
    public boolean has(String name) {
        position = 0;
        do {
            var end = position + name.length();
            if (at(name) && end < length && content[end] == ' ') {
                position = end;
                return true;
            }
        } while (nextLine());
        return false;
    }

    /** How many lines there are. */
    public int lines() {
        var count = 0;
        for (var i = 0; i < length; i++) {
            if (content[i] == '\n') {
                count++;
            }
        }
        return count;
    }

    /** Goes back to the first line. */
    public void rewind() {
        position = 0;
    }

    /** Goes on to the next line; false at the end. */
    public boolean nextLine() {
        while (position < length && content[position] != '\n') {
            position++;
        }
        position++;
        return position < length;
    }

    /** Whether a text stands here. */
    public boolean at(String text) {
        if (position + text.length() > length) {
            return false;
        }
        for (var i = 0; i < text.length(); i++) {
            if (content[position + i] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }

    /** The next word of the line, up to a blank, or up to and without that character; empty at the line's end. */
    public String nextWord(char end) {
        skipBlanks();
        var start = position;
        while (position < length && content[position] > ' ' && content[position] != end) {
            position++;
        }
        var word = new String(content, start, position - start, StandardCharsets.UTF_8);
        if (position < length && content[position] == end) {
            position++;
        }
        return word;
    }

    /** Passes over words of the line. */
    public void skipWords(int count) {
        for (var i = 0; i < count; i++) {
            skipBlanks();
            while (position < length && content[position] > ' ') {
                position++;
            }
        }
    }

    /** The next number of the line, decimal; {@link Long#MAX_VALUE} for {@code max} or more than a long holds; 0 if there is none. */
    public long nextNumber() {
        skipBlanks();
        if (at("max")) {
            position += 3;
            return Long.MAX_VALUE;
        }
        var number = 0L;
        while (position < length && content[position] >= '0' && content[position] <= '9') {
            var digit = content[position++] - '0';
            number = number > (Long.MAX_VALUE - digit) / 10 ? Long.MAX_VALUE : number * 10 + digit;
        }
        return number;
    }

    /** The next number of the line, hexadecimal, up to 64 bits. */
    public long nextHex() {
        skipBlanks();
        var number = 0L;
        for (var digit = hexDigit(); digit >= 0; digit = hexDigit()) {
            number = number << 4 | digit;
            position++;
        }
        return number;
    }

    private int hexDigit() {
        return position < length ? Character.digit(content[position], 16) : -1;
    }

    /** Passes over one character, if it stands here. */
    public boolean skip(char expected) {
        if (position < length && content[position] == expected) {
            position++;
            return true;
        }
        return false;
    }

    private void skipBlanks() {
        while (position < length && (content[position] == ' ' || content[position] == '\t')) {
            position++;
        }
    }
}
