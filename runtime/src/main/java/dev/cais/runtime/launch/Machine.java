package dev.cais.runtime.launch;

import dev.cais.UnsupportedHostException;
import dev.cais.linux.Syscall;
import java.util.HexFormat;

/** A kind of processor that launch programs are made for. */
public enum Machine {
    X86_64(
            62,
            "8b1c2500028000b9060000008b048b85c074100fbaf01f8b107203488b10488954cb18e2e78b03488b7b20488b7328488b53304c8b53384c"
                    + "8b43404c8b4b480f05488943508b4b1c890131c9486354cb584839c27411ffc183f90375ef4885c0780b8b5b70eba08b5ccb5ceb9a8b"
                    + "4b7485c975168b4b78890c2508028000f7d88904250c0280008b4b7c89cbe976ffffff"),
    AARCH64(
            183,
            "1410a0d294020891930240b9c90080d26a7a69b80a0100346c0e098b8a00f8364a7900124b0140b9020000144b0140f98b0d00f9290500f1"
                    + "c1feff54680240b9600642a9620e43a9641644a9010000d4602a00f9691e40b9200100b9696201916cc201912a2dc1685f0100ebc000"
                    + "00543f010ceb81ffff54a000f8b7737240b9e3ffff17f3030b2ae1ffff17697640b9a9000035697a40b9e003004b89020129697e40b9"
                    + "f303092ad9ffff17");

    private final int elfNumber;
    private final String interpreter;

    /** @param interpreter the bytes of the resource {@code interpreter-x86_64.s} or {@code interpreter-aarch64.s} */
    Machine(int elfNumber, String interpreter) {
        this.elfNumber = elfNumber;
        this.interpreter = interpreter;
    }

    /** The one that this JVM runs on. */
    public static Machine host() {
        var name = System.getProperty("os.arch");
        return switch (name) {
            case "amd64", "x86_64" -> X86_64;
            case "aarch64" -> AARCH64;
            default ->
                throw new UnsupportedHostException(
                        "cannot start processes on " + name + ": only amd64 and aarch64 are known");
        };
    }

    int elfNumber() {
        return elfNumber;
    }

    /** The machine code that walks through a program's steps. */
    byte[] interpreter() {
        return HexFormat.of().parseHex(interpreter);
    }

    int number(Syscall call) {
        return this == X86_64 ? call.x86_64() : call.aarch64();
    }

    /** The host's flags for open(2) as this machine numbers them. */
    long openFlags(long flags) {
        return this == host() ? flags : translate(flags);
    }

    /** Four flags have other values on aarch64: O_DIRECT, O_LARGEFILE, O_DIRECTORY, O_NOFOLLOW. */
    private long translate(long flags) {
        var x86 = new long[] {0x4000, 0x8000, 0x10000, 0x20000};
        var arm = new long[] {0x10000, 0x20000, 0x4000, 0x8000};
        var from = this == X86_64 ? arm : x86;
        var to = this == X86_64 ? x86 : arm;
        var result = flags;
        for (var i = 0; i < from.length; i++) {
            result &= ~from[i];
        }
        for (var i = 0; i < from.length; i++) {
            result |= (flags & from[i]) != 0 ? to[i] : 0;
        }
        return result;
    }
}
