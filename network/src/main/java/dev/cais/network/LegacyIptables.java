package dev.cais.network;

import dev.cais.KernelException;
import dev.cais.linux.Abi;
import dev.cais.linux.ControlFile;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Rules of the older interface, those of {@code iptables-legacy}, which nf_tables does not show. They are read as that program reads
 * them, and only where the table is there already: asking for one that is not would make it.
 *
 * <p>Layouts are those of {@code linux/netfilter_ipv4/ip_tables.h} and {@code linux/netfilter_ipv6/ip6_tables.h}.
 */
final class LegacyIptables {
    private static final int GET_INFO = 64;
    private static final int GET_ENTRIES = 65;
    private static final int INFO_SIZE = 84;
    private static final int NAME_SIZE = 32;
    /** Of the policies' places, one for each hook. */
    private static final int UNDERFLOW = 56;

    private static final int ENTRIES = 40;
    private static final int TARGET_OFFSET4 = 88;
    private static final int TARGET_OFFSET6 = 140;
    private static final int TARGET_HEADER = 32;
    /** A verdict is written as its number negated, less one. */
    private static final int DROP = -1;

    private static final int IPPROTO_RAW = 255;
    private static final int LARGEST = 1 << 24;

    private LegacyIptables() {}

    /** Whether what takes that way and matches no rule is dropped, in this thread's network namespace. */
    static boolean drops(Obstacle.Way way, boolean ipv6) {
        try {
            var names =
                    ControlFile.read(Path.of("/proc/thread-self/net", ipv6 ? "ip6_tables_names" : "ip_tables_names"));
            return names.lines().anyMatch("filter"::equals) && policy(way, ipv6) == DROP;
        } catch (KernelException e) {
            return false; // there is no such interface, or it is not for this process
        }
    }

    private static int policy(Obstacle.Way way, boolean ipv6) {
        try (var socket = Fd.of(Syscalls.checked(
                        "cannot read the rules of iptables",
                        Syscall.SOCKET,
                        Syscalls.call(
                                Syscall.SOCKET,
                                ipv6 ? Abi.AF_INET6 : Abi.AF_INET,
                                Abi.SOCK_RAW | Abi.SOCK_CLOEXEC,
                                IPPROTO_RAW)));
                var scratch = Scratch.frame()) {
            var info = named(scratch.take(INFO_SIZE));
            ask(socket, ipv6, GET_INFO, info, INFO_SIZE, scratch);
            var size = info.getInt(INFO_SIZE - Integer.BYTES);
            var policy = info.getInt(UNDERFLOW + way.hook() * Integer.BYTES);
            if (size < 0 || size > LARGEST) {
                return 0;
            }
            var entries = named(scratch.take(ENTRIES + size));
            entries.putInt(NAME_SIZE, size);
            ask(socket, ipv6, GET_ENTRIES, entries, ENTRIES + size, scratch);
            var entry = ENTRIES + policy;
            var target =
                    entry + Short.toUnsignedInt(entries.getShort(entry + (ipv6 ? TARGET_OFFSET6 : TARGET_OFFSET4)));
            return entries.getInt(target + TARGET_HEADER);
        }
    }

    private static ByteBuffer named(ByteBuffer request) {
        return request.put(0, new byte[] {'f', 'i', 'l', 't', 'e', 'r'});
    }

    private static void ask(Fd socket, boolean ipv6, int question, ByteBuffer answer, int size, Scratch scratch) {
        Syscalls.checked(
                "cannot read the rules of iptables",
                Syscall.GETSOCKOPT,
                Syscalls.call(
                        Syscall.GETSOCKOPT,
                        socket.number(),
                        ipv6 ? Abi.IPPROTO_IPV6 : Abi.IPPROTO_IP,
                        question,
                        Scratch.address(answer),
                        scratch.words(size)));
    }
}
