package dev.cais.linux;

import dev.cais.KernelException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * bpf(2), as far as programs of cgroups need it.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/bpf.2.html">bpf(2)</a>
 */
public final class Bpf {
    private static final int BPF_PROG_LOAD = 5;
    private static final int BPF_PROG_ATTACH = 8;
    private static final int BPF_PROG_TYPE_CGROUP_DEVICE = 15;
    private static final int BPF_CGROUP_DEVICE = 6;
    private static final int BPF_F_ALLOW_OVERRIDE = 1;
    private static final int ATTRIBUTES = 128;

    private Bpf() {}

    /**
     * Loads a program that is asked whenever a process of a cgroup opens a device or makes a device node.
     *
     * @param instructions {@code struct bpf_insn[]}, eight bytes each
     * @throws KernelException {@code EPERM} without CAP_BPF, {@code EINVAL} or {@code EACCES} if the kernel finds fault with the
     *     program
     */
    public static Fd loadDeviceProgram(byte[] instructions) {
        try (var scratch = Scratch.frame()) {
            var code = scratch.bytes(instructions);
            var license = scratch.path("Apache-2.0");
            var attributes = scratch.take(ATTRIBUTES);
            attributes
                    .putInt(0, BPF_PROG_TYPE_CGROUP_DEVICE)
                    .putInt(4, instructions.length / 8)
                    .putLong(8, code)
                    .putLong(16, license);
            return Fd.of(Syscalls.checked(
                    "cannot load the program that decides on devices",
                    Syscall.BPF,
                    Syscalls.call(Syscall.BPF, BPF_PROG_LOAD, Scratch.address(attributes), ATTRIBUTES)));
        }
    }

    /**
     * Attaches it to a cgroup of v2, in place of one there or of another such above; those that somebody else set there to be
     * heard in any case must be pleased, too. It stays until the cgroup is removed.
     *
     * @throws KernelException if the kernel refuses
     */
    public static void attachDeviceProgram(Fd cgroup, Fd program) {
        try (var scratch = Scratch.frame()) {
            var attributes = scratch.take(ATTRIBUTES);
            attributes
                    .putInt(0, cgroup.number())
                    .putInt(4, program.number())
                    .putInt(8, BPF_CGROUP_DEVICE)
                    .putInt(12, BPF_F_ALLOW_OVERRIDE);
            Syscalls.checked(
                    "cannot set the program that decides on devices",
                    Syscall.BPF,
                    Syscalls.call(Syscall.BPF, BPF_PROG_ATTACH, Scratch.address(attributes), ATTRIBUTES));
        }
    }

    /** One instruction, {@code struct bpf_insn}. */
    public static void put(ByteBuffer program, int code, int target, int source, int offset, int value) {
        program.order(ByteOrder.nativeOrder())
                .put((byte) code)
                .put((byte) (source << 4 | target))
                .putShort((short) offset)
                .putInt(value);
    }
}
