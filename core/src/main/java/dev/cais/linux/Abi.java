package dev.cais.linux;

import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * Numbers from Linux's headers, under the headers' names, and the way back from a number to its names.
 *
 * <p>They are the same for x86-64 and aarch64, but for four {@code open} flags, which have the value of the machine that
 * this JVM runs on.
 */
public final class Abi {
    private static final boolean ARM = System.getProperty("os.arch").equals("aarch64");

    // open(2): fcntl.h
    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_CREAT = 0100;
    public static final int O_EXCL = 0200;
    public static final int O_NOCTTY = 0400;
    public static final int O_TRUNC = 01000;
    public static final int O_APPEND = 02000;
    public static final int O_NONBLOCK = 04000;
    public static final int O_DIRECT = ARM ? 0200000 : 040000;
    public static final int O_LARGEFILE = ARM ? 0400000 : 0100000;
    public static final int O_DIRECTORY = ARM ? 040000 : 0200000;
    public static final int O_NOFOLLOW = ARM ? 0100000 : 0400000;
    public static final int O_NOATIME = 01000000;
    public static final int O_CLOEXEC = 02000000;
    public static final int O_PATH = 010000000;
    public static final int O_TMPFILE = 020000000 | O_DIRECTORY;

    // *at(2): fcntl.h
    public static final int AT_FDCWD = -100;
    public static final int AT_REMOVEDIR = 0x200;
    public static final int AT_SYMLINK_NOFOLLOW = 0x100;
    public static final int AT_SYMLINK_FOLLOW = 0x400;
    public static final int AT_EMPTY_PATH = 0x1000;
    public static final int AT_RECURSIVE = 0x8000;

    // openat2(2)
    public static final int RESOLVE_NO_XDEV = 0x01;
    public static final int RESOLVE_NO_MAGICLINKS = 0x02;
    public static final int RESOLVE_NO_SYMLINKS = 0x04;
    public static final int RESOLVE_BENEATH = 0x08;
    public static final int RESOLVE_IN_ROOT = 0x10;

    // fcntl(2)
    public static final int F_DUPFD = 0;
    public static final int F_GETFD = 1;
    public static final int F_SETFD = 2;
    public static final int F_GETFL = 3;
    public static final int F_SETFL = 4;
    public static final int F_SETPIPE_SZ = 1031;
    public static final int F_DUPFD_CLOEXEC = 1030;
    public static final int F_ADD_SEALS = 1033;
    public static final int F_GET_SEALS = 1034;
    public static final int FD_CLOEXEC = 1;
    public static final int F_SEAL_SEAL = 0x01;
    public static final int F_SEAL_SHRINK = 0x02;
    public static final int F_SEAL_GROW = 0x04;
    public static final int F_SEAL_WRITE = 0x08;
    public static final int F_SEAL_EXEC = 0x20;

    // memfd_create(2)
    public static final int MFD_CLOEXEC = 0x01;
    public static final int MFD_ALLOW_SEALING = 0x02;
    public static final int MFD_NOEXEC_SEAL = 0x08;
    public static final int MFD_EXEC = 0x10;

    // inode(7): stat.h
    public static final int S_IFMT = 0170000;
    public static final int S_IFIFO = 0010000;
    public static final int S_IFCHR = 0020000;
    public static final int S_IFDIR = 0040000;
    public static final int S_IFBLK = 0060000;
    public static final int S_IFREG = 0100000;
    public static final int S_IFLNK = 0120000;
    public static final int S_IFSOCK = 0140000;

    // mount(2), umount2(2)
    public static final int MS_RDONLY = 0x1;
    public static final int MS_NOSUID = 0x2;
    public static final int MS_NODEV = 0x4;
    public static final int MS_NOEXEC = 0x8;
    public static final int MS_SYNCHRONOUS = 0x10;
    public static final int MS_REMOUNT = 0x20;
    public static final int MS_MANDLOCK = 0x40;
    public static final int MS_DIRSYNC = 0x80;
    public static final int MS_NOSYMFOLLOW = 0x100;
    public static final int MS_NOATIME = 0x400;
    public static final int MS_NODIRATIME = 0x800;
    public static final int MS_BIND = 0x1000;
    public static final int MS_MOVE = 0x2000;
    public static final int MS_REC = 0x4000;
    public static final int MS_SILENT = 0x8000;
    public static final int MS_UNBINDABLE = 0x20000;
    public static final int MS_PRIVATE = 0x40000;
    public static final int MS_SLAVE = 0x80000;
    public static final int MS_SHARED = 0x100000;
    public static final int MS_RELATIME = 0x200000;
    public static final int MS_STRICTATIME = 0x1000000;
    public static final int MS_LAZYTIME = 0x2000000;
    public static final int MNT_FORCE = 0x1;
    public static final int MNT_DETACH = 0x2;
    public static final int MNT_EXPIRE = 0x4;
    public static final int UMOUNT_NOFOLLOW = 0x8;
    public static final int OPEN_TREE_CLONE = 0x1;
    public static final int MOVE_MOUNT_F_EMPTY_PATH = 0x4;
    public static final int MOVE_MOUNT_T_EMPTY_PATH = 0x40;
    public static final int MOUNT_ATTR_RDONLY = 0x1;
    public static final int MOUNT_ATTR_NOSUID = 0x2;
    public static final int MOUNT_ATTR_NODEV = 0x4;
    public static final int MOUNT_ATTR_NOEXEC = 0x8;
    public static final int FSCONFIG_SET_FLAG = 0;
    public static final int FSCONFIG_SET_STRING = 1;
    public static final int FSCONFIG_CMD_CREATE = 6;
    public static final int FSMOUNT_CLOEXEC = 0x1;

    // clone(2), unshare(2), setns(2): sched.h
    public static final long CLONE_NEWTIME = 0x80;
    public static final long CLONE_VM = 0x100;
    public static final long CLONE_FS = 0x200;
    public static final long CLONE_FILES = 0x400;
    public static final long CLONE_SIGHAND = 0x800;
    public static final long CLONE_PIDFD = 0x1000;
    public static final long CLONE_VFORK = 0x4000;
    public static final long CLONE_PARENT = 0x8000;
    public static final long CLONE_THREAD = 0x10000;
    public static final long CLONE_NEWNS = 0x20000;
    public static final long CLONE_NEWCGROUP = 0x2000000;
    public static final long CLONE_NEWUTS = 0x4000000;
    public static final long CLONE_NEWIPC = 0x8000000;
    public static final long CLONE_NEWUSER = 0x10000000;
    public static final long CLONE_NEWPID = 0x20000000;
    public static final long CLONE_NEWNET = 0x40000000;
    /** An ioctl(2) of a namespace's descriptor: which {@code CLONE_NEW} flag makes one of its kind. */
    public static final int NS_GET_NSTYPE = 0xb703;

    public static final long CLONE_CLEAR_SIGHAND = 0x100000000L;
    public static final long CLONE_INTO_CGROUP = 0x200000000L;

    // close_range(2)
    public static final int CLOSE_RANGE_UNSHARE = 2;
    public static final int CLOSE_RANGE_CLOEXEC = 4;

    // prctl(2)
    public static final int PR_SET_PDEATHSIG = 1;
    public static final int PR_SET_DUMPABLE = 4;
    public static final int PR_SET_KEEPCAPS = 8;
    public static final int PR_SET_NAME = 15;
    public static final int PR_CAPBSET_DROP = 24;
    public static final int PR_SET_SECUREBITS = 28;
    public static final int PR_SET_TIMERSLACK = 29;
    public static final int PR_SET_CHILD_SUBREAPER = 36;
    public static final int PR_SET_NO_NEW_PRIVS = 38;
    public static final int PR_SET_THP_DISABLE = 41;
    public static final int PR_CAP_AMBIENT = 47;
    public static final int PR_SET_MEMORY_MERGE = 67;
    public static final int PR_CAP_AMBIENT_RAISE = 2;
    public static final int PR_CAP_AMBIENT_CLEAR_ALL = 4;

    // capset(2), securebits
    public static final int LINUX_CAPABILITY_VERSION_3 = 0x20080522;

    // keyctl(2)
    public static final int KEYCTL_JOIN_SESSION_KEYRING = 1;

    // seccomp(2)
    public static final int SECCOMP_SET_MODE_FILTER = 1;

    // waitid(2)
    public static final int P_ALL = 0;
    public static final int P_PIDFD = 3;
    public static final int WNOHANG = 0x1;
    public static final int WEXITED = 0x4;
    public static final int WNOWAIT = 0x1000000;
    public static final int WALL = 0x40000000;

    // sched_setscheduler(2), ioprio_set(2), setpriority(2), getrlimit(2)
    public static final int SCHED_OTHER = 0;
    public static final int PRIO_PROCESS = 0;
    public static final int IOPRIO_WHO_PROCESS = 1;
    public static final int RLIMIT_CPU = 0;
    public static final int RLIMIT_FSIZE = 1;
    public static final int RLIMIT_DATA = 2;
    public static final int RLIMIT_STACK = 3;
    public static final int RLIMIT_CORE = 4;
    public static final int RLIMIT_RSS = 5;
    public static final int RLIMIT_NPROC = 6;
    public static final int RLIMIT_NOFILE = 7;
    public static final int RLIMIT_MEMLOCK = 8;
    public static final int RLIMIT_AS = 9;
    public static final int RLIMIT_LOCKS = 10;
    public static final int RLIMIT_SIGPENDING = 11;
    public static final int RLIMIT_MSGQUEUE = 12;
    public static final int RLIMIT_NICE = 13;
    public static final int RLIMIT_RTPRIO = 14;
    public static final int RLIMIT_RTTIME = 15;

    // socket(2), netdevice(7), netlink(7)
    public static final int AF_UNIX = 1;
    public static final int AF_INET = 2;
    public static final int AF_INET6 = 10;
    public static final int AF_NETLINK = 16;
    public static final int SOCK_STREAM = 1;
    public static final int SOCK_DGRAM = 2;
    public static final int SOCK_RAW = 3;
    public static final int SOCK_SEQPACKET = 5;
    public static final int SOCK_NONBLOCK = 04000;
    public static final int SOCK_CLOEXEC = 02000000;
    public static final int SOL_SOCKET = 1;
    public static final int SCM_RIGHTS = 1;
    public static final int MSG_DONTWAIT = 0x40;
    public static final int MSG_CTRUNC = 0x8;
    public static final int MSG_TRUNC = 0x20;
    public static final int MSG_NOSIGNAL = 0x4000;
    public static final int MSG_CMSG_CLOEXEC = 0x40000000;
    public static final int SO_REUSEADDR = 2;
    public static final int SO_ERROR = 4;
    public static final int SO_KEEPALIVE = 9;
    public static final int SO_LINGER = 13;
    public static final int SOMAXCONN = 4096;
    public static final int SHUT_WR = 1;
    public static final int IPPROTO_IP = 0;
    public static final int IPPROTO_TCP = 6;
    public static final int IPPROTO_UDP = 17;
    public static final int IPPROTO_IPV6 = 41;
    public static final int IPPROTO_SCTP = 132;
    public static final int IP_PKTINFO = 8;
    /** Takes connections and datagrams to any address, and sends from any. */
    public static final int IP_TRANSPARENT = 19;

    public static final int IP_RECVORIGDSTADDR = 20;
    public static final int IP_ORIGDSTADDR = IP_RECVORIGDSTADDR;
    public static final int IPV6_V6ONLY = 26;
    public static final int IPV6_RECVPKTINFO = 49;
    public static final int IPV6_PKTINFO = 50;
    public static final int IPV6_RECVORIGDSTADDR = 74;
    public static final int IPV6_ORIGDSTADDR = IPV6_RECVORIGDSTADDR;
    public static final int IPV6_TRANSPARENT = 75;
    public static final int TCP_NODELAY = 1;
    public static final int SIOCSIFFLAGS = 0x8914;
    public static final int IFF_UP = 0x1;

    // ioctl_tty(2)
    public static final int TCGETS = 0x5401;
    public static final int TIOCSCTTY = 0x540E;
    public static final int TIOCSWINSZ = 0x5414;
    public static final int TIOCSPTLCK = 0x40045431;
    public static final int TIOCGPTPEER = 0x5441;

    // splice(2): fcntl.h
    public static final int SPLICE_F_MOVE = 0x1;
    public static final int SPLICE_F_NONBLOCK = 0x2;

    // poll(2)
    public static final int POLLIN = 0x1;
    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;
    public static final int POLLHUP = 0x10;
    public static final int POLLNVAL = 0x20;

    // flock(2): fcntl.h
    public static final int LOCK_EX = 2;
    public static final int LOCK_NB = 4;

    // timerfd_create(2), eventfd(2)
    public static final int CLOCK_MONOTONIC = 1;
    public static final int TFD_NONBLOCK = 04000;
    public static final int TFD_CLOEXEC = 02000000;
    public static final int EFD_NONBLOCK = 04000;
    public static final int EFD_CLOEXEC = 02000000;

    // lseek(2)
    public static final int SEEK_SET = 0;
    public static final int SEEK_CUR = 1;
    public static final int SEEK_END = 2;

    // signal(7), sigprocmask(2)
    public static final int SIGHUP = 1;
    public static final int SIGINT = 2;
    public static final int SIGQUIT = 3;
    public static final int SIGILL = 4;
    public static final int SIGTRAP = 5;
    public static final int SIGABRT = 6;
    public static final int SIGBUS = 7;
    public static final int SIGFPE = 8;
    public static final int SIGKILL = 9;
    public static final int SIGUSR1 = 10;
    public static final int SIGSEGV = 11;
    public static final int SIGUSR2 = 12;
    public static final int SIGPIPE = 13;
    public static final int SIGALRM = 14;
    public static final int SIGTERM = 15;
    public static final int SIGSTKFLT = 16;
    public static final int SIGCHLD = 17;
    public static final int SIGCONT = 18;
    public static final int SIGSTOP = 19;
    public static final int SIGTSTP = 20;
    public static final int SIGTTIN = 21;
    public static final int SIGTTOU = 22;
    public static final int SIGURG = 23;
    public static final int SIGXCPU = 24;
    public static final int SIGXFSZ = 25;
    public static final int SIGVTALRM = 26;
    public static final int SIGPROF = 27;
    public static final int SIGWINCH = 28;
    public static final int SIGIO = 29;
    public static final int SIGPWR = 30;
    public static final int SIGSYS = 31;
    public static final int SIG_BLOCK = 0;
    public static final int SIG_UNBLOCK = 1;
    public static final int SIG_SETMASK = 2;

    private static final Map<String, Long> NUMBERS = numbers();

    private Abi() {}

    private static Map<String, Long> numbers() {
        var numbers = new LinkedHashMap<String, Long>();
        for (Field field : Abi.class.getFields()) {
            if (Modifier.isStatic(field.getModifiers())) {
                try {
                    numbers.put(field.getName(), ((Number) field.get(null)).longValue());
                } catch (IllegalAccessException e) {
                    throw new AssertionError(e);
                }
            }
        }
        return numbers;
    }

    /** The first half of a device's number, as makedev(3) packs them. */
    public static int major(long device) {
        return (int) (device >>> 8 & 0xfff | device >>> 32 & 0xfffff000L);
    }

    /** The second half of a device's number. */
    public static int minor(long device) {
        return (int) (device & 0xff | device >>> 12 & 0xffffff00L);
    }

    /** The number of that name. */
    public static OptionalLong number(String name) {
        var number = NUMBERS.get(name);
        return number == null ? OptionalLong.empty() : OptionalLong.of(number);
    }

    /**
     * The name of a number, out of those that begin alike: {@code name("SIG", 9)} is {@code SIGKILL}.
     *
     * @return the number in decimal if it has no such name
     */
    public static String name(String prefix, long number) {
        for (var entry : NUMBERS.entrySet()) {
            if (entry.getValue() == number && begins(entry.getKey(), prefix)) {
                return entry.getKey();
            }
        }
        return Long.toString(number);
    }

    /**
     * The names of the bits of a number: {@code MS_NOSUID|MS_NODEV}; what has no name follows in hexadecimal.
     *
     * @return {@code 0} if no bit is set
     */
    public static String flags(String prefix, long bits) {
        if (bits == 0) {
            return "0";
        }
        List<String> names = new ArrayList<>();
        var rest = bits;
        for (var entry : NUMBERS.entrySet()) {
            long bit = entry.getValue();
            if (Long.bitCount(bit) == 1 && (rest & bit) != 0 && begins(entry.getKey(), prefix)) {
                names.add(entry.getKey());
                rest &= ~bit;
            }
        }
        if (rest != 0) {
            names.add("0x" + Long.toHexString(rest));
        }
        return String.join("|", names);
    }

    /** {@code SIG} begins {@code SIGKILL}, not {@code SIG_BLOCK}. */
    private static boolean begins(String name, String prefix) {
        return name.startsWith(prefix)
                && name.length() > prefix.length()
                && (prefix.endsWith("_") || name.charAt(prefix.length()) != '_');
    }
}
