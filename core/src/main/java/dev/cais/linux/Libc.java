package dev.cais.linux;

import com.sun.jna.Native;
import com.sun.jna.Platform;

/** The functions of libc that Cais calls; direct mapping, longs for pointers, since these calls are hot. */
final class Libc {
    static {
        Native.register(Libc.class, Platform.C_LIBRARY_NAME);
    }

    private Libc() {}

    static native long syscall(long number, long a, long b, long c, long d, long e, long f);

    /** posix_spawn(3): returns the error number itself, and does not set errno. */
    static native int posix_spawn(long pid, long path, long fileActions, long attributes, long argv, long envp);

    static native int posix_spawn_file_actions_init(long actions);

    static native int posix_spawn_file_actions_destroy(long actions);

    static native int posix_spawn_file_actions_adddup2(long actions, int fd, int newFd);

    static native int posix_spawnattr_init(long attributes);

    static native int posix_spawnattr_destroy(long attributes);

    static native int posix_spawnattr_setflags(long attributes, short flags);

    static native int posix_spawnattr_setsigmask(long attributes, long signals);

    static native int posix_spawnattr_setsigdefault(long attributes, long signals);
}
