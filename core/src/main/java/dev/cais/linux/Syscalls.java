package dev.cais.linux;

import com.sun.jna.Native;

/** Raw system calls: the kernel's own convention, a result or the negated error number. */
public final class Syscalls {
    private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");

    private Syscalls() {}

    public static long call(Syscall call) {
        return call(call, 0, 0, 0, 0, 0, 0);
    }

    public static long call(Syscall call, long a) {
        return call(call, a, 0, 0, 0, 0, 0);
    }

    public static long call(Syscall call, long a, long b) {
        return call(call, a, b, 0, 0, 0, 0);
    }

    public static long call(Syscall call, long a, long b, long c) {
        return call(call, a, b, c, 0, 0, 0);
    }

    public static long call(Syscall call, long a, long b, long c, long d) {
        return call(call, a, b, c, d, 0, 0);
    }

    public static long call(Syscall call, long a, long b, long c, long d, long e) {
        return call(call, a, b, c, d, e, 0);
    }

    public static long call(Syscall call, long a, long b, long c, long d, long e, long f) {
        var result = Libc.syscall(ARM ? call.aarch64() : call.x86_64(), a, b, c, d, e, f);
        return result == -1 ? -Native.getLastError() : result;
    }

    /**
     * The result, if it is one.
     *
     * @throws dev.cais.KernelException named after {@code what} otherwise
     */
    public static long checked(String what, Syscall call, long result) {
        if (result < 0) {
            throw Errno.of(result).exception(what, call);
        }
        return result;
    }
}
