package dev.cais.runtime.cgroup;

import dev.cais.linux.Bpf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Which devices a container may use, whatever nodes it makes: no disk, no memory, nothing but what programs expect of /dev.
 * Making any node is allowed, since archives hold them.
 *
 * <p>The same rules in two forms: lines for v1's {@code devices.allow}, and a program for v2.
 *
 * @see <a href="https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#allowed-device-list">OCI runtime
 *     spec, Allowed Device list</a>
 */
final class DeviceRules {
    /** A character device that may be read and written, by major and minor number; any minor if there is none. */
    private record Allowed(int major, OptionalInt minor) {
        static Allowed of(int major, int minor) {
            return new Allowed(major, OptionalInt.of(minor));
        }
    }

    private static final List<Allowed> ALLOWED = List.of(
            Allowed.of(1, 3), // null
            Allowed.of(1, 5), // zero
            Allowed.of(1, 7), // full
            Allowed.of(1, 8), // random
            Allowed.of(1, 9), // urandom
            Allowed.of(5, 0), // tty
            Allowed.of(5, 1), // console
            Allowed.of(5, 2), // ptmx
            new Allowed(136, OptionalInt.empty())); // pts

    // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }
    private static final int ACCESS_TYPE = 0;
    private static final int MAJOR = 4;
    private static final int MINOR = 8;
    private static final int BPF_DEVCG_ACC_MKNOD = 1;
    private static final int BPF_DEVCG_DEV_CHAR = 2;

    private static final int LOAD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
    private static final int COPY = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
    private static final int SET = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
    private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private static final int SHIFT_RIGHT = 0x74; // BPF_ALU | BPF_RSH | BPF_K
    private static final int JUMP_EQUAL = 0x16; // BPF_JMP32 | BPF_JEQ | BPF_K
    private static final int JUMP_DIFFERENT = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
    private static final int EXIT = 0x95; // BPF_JMP | BPF_EXIT

    private DeviceRules() {}

    /** What to write to v1's {@code devices.allow} after {@code a} to {@code devices.deny}, a line a call. */
    static List<String> lines() {
        var lines = new ArrayList<>(List.of("c *:* m", "b *:* m"));
        for (var device : ALLOWED) {
            var minor =
                    device.minor().isPresent() ? String.valueOf(device.minor().getAsInt()) : "*";
            lines.add("c " + device.major() + ":" + minor + " rwm");
        }
        return lines;
    }

    /** The program: 1 allows, 0 refuses. */
    static byte[] program() {
        var code = ByteBuffer.allocate(8 * 64);
        var context = 1;
        var type = 2;
        var access = 3;
        var major = 4;
        var minor = 5;
        Bpf.put(code, LOAD, type, context, ACCESS_TYPE, 0);
        Bpf.put(code, COPY, access, type, 0, 0);
        Bpf.put(code, SHIFT_RIGHT, access, 0, 0, 16);
        Bpf.put(code, AND, type, 0, 0, 0xffff);
        Bpf.put(code, LOAD, major, context, MAJOR, 0);
        Bpf.put(code, LOAD, minor, context, MINOR, 0);

        Bpf.put(code, JUMP_DIFFERENT, access, 0, 2, BPF_DEVCG_ACC_MKNOD);
        answer(code, 1);
        Bpf.put(code, JUMP_EQUAL, type, 0, 2, BPF_DEVCG_DEV_CHAR);
        answer(code, 0);
        for (var device : ALLOWED) {
            if (device.minor().isPresent()) {
                Bpf.put(code, JUMP_DIFFERENT, major, 0, 3, device.major());
                Bpf.put(code, JUMP_DIFFERENT, minor, 0, 2, device.minor().getAsInt());
            } else {
                Bpf.put(code, JUMP_DIFFERENT, major, 0, 2, device.major());
            }
            answer(code, 1);
        }
        answer(code, 0);
        return Arrays.copyOf(code.array(), code.position());
    }

    private static void answer(ByteBuffer code, int value) {
        Bpf.put(code, SET, 0, 0, 0, value);
        Bpf.put(code, EXIT, 0, 0, 0, 0);
    }
}
