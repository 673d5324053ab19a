package dev.cais.storage;

import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.util.Objects;

/** The one file of a tree that is being written: its content goes by one buffer, and its attributes come at its end. */
final class OpenFile extends FileSink {
    private static final int BUFFER = 256 * 1024;
    private static final int TRANSFER = 8 << 20;
    private static final int SEEK_CUR = 1;

    /** Removes a file that could not be finished, where that is to go. */
    interface Removal {
        void removeHalf(byte[] path);
    }

    private final Place where;
    private final AttributeCalls calls;
    private final Removal removal;
    private final NativeMemory buffer = NativeMemory.allocate(BUFFER);
    private int fd = -1;
    private byte[] path = Names.NONE;
    private Attributes attributes = AttributeCalls.IMPLIED;
    private boolean ownerIsRight;
    private boolean holeAtEnd;
    private boolean finished = true;
    private boolean rangeRefused;
    private long offset;
    private int pending;

    OpenFile(Place where, AttributeCalls calls, Removal removal) {
        this.where = where;
        this.calls = calls;
        this.removal = removal;
    }

    /** Begins another one, the last one being finished. */
    void start(int opened, byte[] name, Attributes wanted, boolean rightOwner) {
        fd = opened;
        path = name;
        attributes = wanted;
        ownerIsRight = rightOwner;
        holeAtEnd = false;
        finished = false;
        rangeRefused = false;
        offset = 0;
        pending = 0;
    }

    @Override
    public void write(byte[] bytes, int from, int length) {
        Objects.checkFromIndexSize(from, length, bytes.length);
        var at = from;
        var end = from + length;
        while (at < end) {
            var part = Math.min(end - at, BUFFER - pending);
            buffer.bytes().put(pending, bytes, at, part);
            pending += part;
            at += part;
            holeAtEnd = false;
            if (pending == BUFFER) {
                flush();
            }
        }
    }

    @Override
    public void flush() {
        var done = 0;
        while (done < pending) {
            var written = Syscalls.call(Syscall.WRITE, fd, buffer.address() + done, pending - done);
            if (!Errno.EINTR.is(written)) {
                done += (int) check(written, Syscall.WRITE);
            }
        }
        offset += done;
        pending = 0;
    }

    /** Inside the kernel: by sharing blocks or copying pages where the file systems can, else by way of this process. */
    @Override
    public long transferFrom(Fd source, long length) {
        flush();
        var done = 0L;
        while (done < length) {
            Failures.requireNotInterrupted("cannot write " + Names.shown(path));
            var count = transferSome(source.number(), Math.min(TRANSFER, length - done));
            if (count == 0) {
                break;
            }
            done += count;
            offset += count;
            holeAtEnd = false;
        }
        return done;
    }

    private long transferSome(int source, long length) {
        if (!rangeRefused) {
            var count = Syscalls.call(Syscall.COPY_FILE_RANGE, source, 0, fd, 0, length, 0);
            if (count > 0) { // before Linux 5.19, files that the kernel makes up seem to be empty
                return count;
            }
            rangeRefused = true;
        }
        long count;
        do {
            count = Syscalls.call(Syscall.READ, source, buffer.address(), Math.min(BUFFER, length));
        } while (Errno.EINTR.is(count));
        pending = (int) check(count, Syscall.READ);
        var before = offset;
        flush();
        offset = before;
        return count;
    }

    @Override
    public void skip(long length) {
        if (length > 0) {
            flush();
            offset = check(Syscalls.call(Syscall.LSEEK, fd, length, SEEK_CUR), Syscall.LSEEK);
            holeAtEnd = true;
        }
    }

    @Override
    public void finish() {
        flush();
        if (holeAtEnd) {
            check(Syscalls.call(Syscall.FTRUNCATE, fd, offset), Syscall.FTRUNCATE);
        }
        calls.finish(fd, path, attributes, ownerIsRight);
        finished = true;
        release();
    }

    @Override
    public void close() {
        release();
        if (!finished) {
            finished = true;
            removal.removeHalf(path);
        }
    }

    private void release() {
        if (fd >= 0) {
            Syscalls.call(Syscall.CLOSE, fd);
            fd = -1;
        }
    }

    private long check(long result, Syscall call) {
        return Failures.check(result, call, path, where);
    }
}
