package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One request to a deputy, argument by argument, and its answer: see {@link DeputyProgram} for the form. Reused from request to
 * request; for one thread at a time.
 */
final class DeputyRequest {
    /** What {@link #exchange} says when nobody is there to answer: no system call has such a result. */
    static final long GONE = Long.MIN_VALUE;
    /** The same, and nobody has received the request. */
    static final long NOT_SENT = GONE + 1;

    private static final int VECTOR = DeputyProgram.MSGHDR;
    private static final int CONTROL = VECTOR + 2 * DeputyProgram.IOVEC;
    private static final int HEADERS = CONTROL + DeputyProgram.CMSGHDR + DeputyProgram.MOST_DESCRIPTORS * 4;

    private final long data;
    private final NativeMemory headers = NativeMemory.allocate(HEADERS);
    private final NativeMemory request = NativeMemory.allocate(DeputyProgram.DATA + DeputyProgram.MOST_DATA);
    private int arguments;
    private int descriptors;
    private int size;

    /** @param data where a request's data will stand in the deputy */
    DeputyRequest(long data) {
        this.data = data;
    }

    DeputyRequest begin(int call) {
        var bytes = request.bytes();
        for (var i = 0; i < DeputyProgram.DATA; i += Long.BYTES) {
            bytes.putLong(i, 0);
        }
        bytes.putInt(0, call);
        arguments = 0;
        descriptors = 0;
        size = 0;
        return this;
    }

    DeputyRequest number(long value) {
        request.bytes().putLong(DeputyProgram.ARGUMENTS + arguments++ * Long.BYTES, value);
        return this;
    }

    /** A descriptor of this process, or {@code AT_FDCWD}. */
    DeputyRequest descriptor(int descriptor) {
        return number(descriptor == Abi.AT_FDCWD ? descriptor : attach(descriptor));
    }

    /** The name by which the deputy finds a descriptor of this process, for calls that take names alone. */
    DeputyRequest nameOf(int descriptor) {
        return text(("/proc/self/fd/" + attach(descriptor)).getBytes(StandardCharsets.US_ASCII));
    }

    private int attach(int descriptor) {
        headers.bytes().putInt(CONTROL + DeputyProgram.CMSGHDR + descriptors * Integer.BYTES, descriptor);
        return DeputyProgram.FIRST_DESCRIPTOR + descriptors++;
    }

    /** Bytes with a NUL behind them. */
    DeputyRequest text(byte[] text) {
        return bytes(Arrays.copyOf(text, text.length + 1));
    }

    DeputyRequest bytes(byte[] bytes) {
        number(data + size);
        put(bytes);
        return this;
    }

    DeputyRequest words(long... words) {
        number(data + size);
        for (var word : words) {
            request.bytes().putLong(DeputyProgram.DATA + size, word);
            size += Long.BYTES;
        }
        return this;
    }

    private void put(byte[] bytes) {
        request.bytes().put(DeputyProgram.DATA + size, bytes);
        size += (bytes.length + 7) & ~7;
    }

    /** Memory for the call to write to, which comes back. Its first argument behind all that is sent. */
    DeputyRequest answer(int length) {
        number(data + size);
        request.bytes().putLong(DeputyProgram.ANSWER, data + size).putLong(DeputyProgram.ANSWER + 8, length);
        return this;
    }

    /** The call's result is a descriptor, which is to come here. */
    DeputyRequest descriptorComes() {
        request.bytes().putLong(DeputyProgram.CONTROL, DeputyProgram.ONE_DESCRIPTOR);
        return this;
    }

    /** Sends this and waits for the result, or a negated error number. Not interruptible. */
    long exchange(Fd socket) {
        var bytes = headers.bytes();
        var rights = DeputyProgram.CMSGHDR + descriptors * Integer.BYTES;
        bytes.putLong(CONTROL, rights).putInt(CONTROL + 8, Abi.SOL_SOCKET).putInt(CONTROL + 12, Abi.SCM_RIGHTS);
        prepare(descriptors == 0 ? 0 : rights, DeputyProgram.DATA + size, 0);
        long sent;
        do {
            sent = Syscalls.call(Syscall.SENDMSG, socket.number(), headers.address(), Abi.MSG_NOSIGNAL);
        } while (Errno.EINTR.is(sent));
        if (Errno.EPIPE.is(sent) || Errno.ECONNRESET.is(sent)) {
            return NOT_SENT;
        }
        if (sent < 0) {
            return sent;
        }
        return receive(socket);
    }

    /** The answer's memory is left where the request was. */
    private long receive(Fd socket) {
        var wanted = request.bytes().getLong(DeputyProgram.CONTROL);
        prepare(DeputyProgram.ONE_DESCRIPTOR, 8, DeputyProgram.MOST_DATA);
        long received;
        do {
            received = Syscalls.call(Syscall.RECVMSG, socket.number(), headers.address(), Abi.MSG_CMSG_CLOEXEC);
        } while (Errno.EINTR.is(received));
        if (received <= 0) {
            return GONE;
        }
        var result = request.bytes().getLong(0);
        if (wanted == 0 || result < 0) {
            return result;
        }
        var came = headers.bytes().getLong(DeputyProgram.MSG_CONTROLLEN) > DeputyProgram.CMSGHDR;
        // the only reason: this process may open no more
        return came ? headers.bytes().getInt(CONTROL + DeputyProgram.CMSGHDR) : -Errno.EMFILE.number();
    }

    private void prepare(int control, int head, int data) {
        headers.bytes()
                .putLong(16, headers.address() + VECTOR)
                .putLong(24, data == 0 ? 1 : 2)
                .putLong(32, headers.address() + CONTROL)
                .putLong(DeputyProgram.MSG_CONTROLLEN, control)
                .putLong(VECTOR, request.address())
                .putLong(VECTOR + 8, head)
                .putLong(VECTOR + 16, request.address() + DeputyProgram.DATA)
                .putLong(VECTOR + 24, data);
    }

    /** Copies what the last answer brought along. */
    void copyAnswer(byte[] destination, int length) {
        request.bytes().get(DeputyProgram.DATA, destination, 0, length);
    }
}
