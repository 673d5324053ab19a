package dev.cais.storage;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Objects;

/**
 * The content of a file that a walk has come to: just as many bytes as it had then, though others write to it. For the walk's own
 * thread.
 */
public final class FileContent {
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;

    private final Fd file;
    private final long size;
    private final NativeMemory buffer;
    private final byte[] path;
    private final Place where;

    FileContent(Fd file, long size, NativeMemory buffer, byte[] path, Place where) {
        this.file = file;
        this.size = size;
        this.buffer = buffer;
        this.path = path;
        this.where = where;
    }

    /** In bytes, holes included. */
    public long size() {
        return size;
    }

    /** Copies it, holes as holes, by the shortest way that the kernel has. */
    public void copyTo(FileSink sink) {
        for (var at = 0L; at < size; ) {
            var data = Syscalls.call(Syscall.LSEEK, file.number(), at, SEEK_DATA);
            if (Errno.ENXIO.is(data)) {
                sink.skip(size - at);
                return;
            }
            check(data, Syscall.LSEEK);
            var hole = check(Syscalls.call(Syscall.LSEEK, file.number(), data, SEEK_HOLE), Syscall.LSEEK);
            var end = Math.min(hole, size);
            sink.skip(Math.min(data, size) - at);
            if (data < end) {
                check(Syscalls.call(Syscall.LSEEK, file.number(), data, Abi.SEEK_SET), Syscall.LSEEK);
                var copied = sink.transferFrom(file, end - data);
                sink.skip(end - data - copied); // it became shorter
            }
            at = Math.max(end, Math.min(data, size));
        }
    }

    /** From the beginning; what the file has lost meanwhile reads as zeros. Need not be closed. */
    public InputStream stream() {
        return new Stream();
    }

    private final class Stream extends InputStream {
        private long at;

        @Override
        public int read() {
            var one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            Objects.checkFromIndexSize(offset, length, target.length);
            if (at == size || length == 0) {
                return length == 0 ? 0 : -1;
            }
            if (Thread.currentThread().isInterrupted()) { // the message costs more than the look
                Failures.requireNotInterrupted("cannot read " + Names.shown(path));
            }
            var most = (int) Math.min(Math.min(length, buffer.size()), size - at);
            long count;
            do {
                count = Syscalls.call(Syscall.PREAD64, file.number(), buffer.address(), most, at);
            } while (Errno.EINTR.is(count));
            check(count, Syscall.PREAD64);
            if (count == 0) {
                Arrays.fill(target, offset, offset + most, (byte) 0);
                count = most;
            } else {
                buffer.bytes().get(0, target, offset, (int) count);
            }
            at += count;
            return (int) count;
        }
    }

    private long check(long result, Syscall call) {
        if (result < 0) {
            throw Failures.of("cannot read " + Names.shown(path), call, result, where);
        }
        return result;
    }
}
