package dev.cais.runtime.security;

import dev.cais.UnsupportedHostException;

/** A calling convention of the kernel: which numbers system calls have, and how {@code seccomp_data.arch} names it. */
public enum Architecture {
    X86_64(0xC000003E, true),
    X86(0x40000003, false),
    /** 64-bit registers with 32-bit pointers: the same audit number as x86-64, a bit in the call's number. */
    X32(0xC000003E, true),
    AARCH64(0xC00000B7, true),
    ARM(0x40000028, false);

    /** Set in each x32 call's number. */
    static final int X32_BIT = 0x40000000;

    /** Below, x32's numbers are x86-64's; from here on they are its own. */
    static final int X32_FIRST_OWN = 512;

    private final int audit;
    private final boolean wideArguments;

    Architecture(int audit, boolean wideArguments) {
        this.audit = audit;
        this.wideArguments = wideArguments;
    }

    /** The one that this process and its containers use. */
    public static Architecture host() {
        var name = System.getProperty("os.arch");
        return switch (name) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64" -> AARCH64;
            default ->
                throw new UnsupportedHostException(
                        "cannot filter system calls on " + name + ": only amd64 and aarch64 are known");
        };
    }

    /** The kernel's {@code AUDIT_ARCH_} constant. */
    public int audit() {
        return audit;
    }

    /** Whether arguments have 64 bits; else only the lower half counts. */
    boolean wideArguments() {
        return wideArguments;
    }
}
