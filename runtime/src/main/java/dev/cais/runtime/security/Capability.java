package dev.cais.runtime.security;

import dev.cais.InvalidSpecException;
import java.util.Collection;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * The parts that root's power is cut into, in the kernel's order: a capability's number is its ordinal.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/capabilities.7.html">capabilities(7)</a>
 */
public enum Capability {
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_FOWNER,
    CAP_FSETID,
    CAP_KILL,
    CAP_SETGID,
    CAP_SETUID,
    CAP_SETPCAP,
    CAP_LINUX_IMMUTABLE,
    CAP_NET_BIND_SERVICE,
    CAP_NET_BROADCAST,
    CAP_NET_ADMIN,
    CAP_NET_RAW,
    CAP_IPC_LOCK,
    CAP_IPC_OWNER,
    CAP_SYS_MODULE,
    CAP_SYS_RAWIO,
    CAP_SYS_CHROOT,
    CAP_SYS_PTRACE,
    CAP_SYS_PACCT,
    CAP_SYS_ADMIN,
    CAP_SYS_BOOT,
    CAP_SYS_NICE,
    CAP_SYS_RESOURCE,
    CAP_SYS_TIME,
    CAP_SYS_TTY_CONFIG,
    CAP_MKNOD,
    CAP_LEASE,
    CAP_AUDIT_WRITE,
    CAP_AUDIT_CONTROL,
    CAP_SETFCAP,
    CAP_MAC_OVERRIDE,
    CAP_MAC_ADMIN,
    CAP_SYSLOG,
    CAP_WAKE_ALARM,
    CAP_BLOCK_SUSPEND,
    CAP_AUDIT_READ,
    CAP_PERFMON,
    CAP_BPF,
    CAP_CHECKPOINT_RESTORE;

    /** What a container has unless its spec says otherwise: the 14 that Docker leaves. */
    public static final Set<Capability> DEFAULT = Collections.unmodifiableSet(EnumSet.of(
            CAP_CHOWN,
            CAP_DAC_OVERRIDE,
            CAP_FSETID,
            CAP_FOWNER,
            CAP_MKNOD,
            CAP_NET_RAW,
            CAP_SETGID,
            CAP_SETUID,
            CAP_SETFCAP,
            CAP_SETPCAP,
            CAP_NET_BIND_SERVICE,
            CAP_SYS_CHROOT,
            CAP_KILL,
            CAP_AUDIT_WRITE));

    /** The kernel's number, 0 to 40. */
    public int number() {
        return ordinal();
    }

    /** One bit: {@code 1 << number}. */
    public long bit() {
        return 1L << ordinal();
    }

    /** The set as capset(2) and {@code /proc/PID/status} hold it, bit 0 for {@link #CAP_CHOWN}. */
    public static long mask(Collection<Capability> capabilities) {
        var mask = 0L;
        for (var capability : capabilities) {
            mask |= capability.bit();
        }
        return mask;
    }

    /** The opposite of {@link #mask}; bits of capabilities newer than this list are dropped. */
    public static Set<Capability> of(long mask) {
        var capabilities = EnumSet.noneOf(Capability.class);
        for (var capability : values()) {
            if ((mask & capability.bit()) != 0) {
                capabilities.add(capability);
            }
        }
        return capabilities;
    }

    /**
     * @param name in any case, with or without {@code CAP_}
     * @throws InvalidSpecException if there is none of this name
     */
    public static Capability parse(String name) {
        var upper = name.toUpperCase(Locale.ROOT);
        var full = upper.startsWith("CAP_") ? upper : "CAP_" + upper;
        for (var capability : values()) {
            if (capability.name().equals(full)) {
                return capability;
            }
        }
        throw new InvalidSpecException(
                "cannot use capability " + name + ": Linux has none of this name", "see capabilities(7) for the list");
    }
}
