package dev.cais.runtime.security;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Writes a classic BPF program from its end to its beginning.
 *
 * <p>Jumps only go forward, and a conditional one no farther than 255 instructions. Written backwards, each target stands already
 * when a jump to it is written, so that its distance is known; if it is too far, a jump that can reach it (or, for a return, a
 * copy) is put in between. A label is the number of instructions from its own to the end.
 *
 * @see <a href="https://docs.kernel.org/networking/filter.html#bpf-engine-and-instruction-set">Linux, BPF engine and
 *     instruction set</a>
 */
final class FilterAssembler {
    /** BPF_MAXINSNS: the kernel takes no longer program. */
    static final int MAX_INSTRUCTIONS = 4096;

    static final int LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
    static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    static final int JUMP = 0x05; // BPF_JMP | BPF_JA
    static final int JUMP_EQ = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
    static final int JUMP_GT = 0x25; // BPF_JMP | BPF_JGT | BPF_K
    static final int JUMP_GE = 0x35; // BPF_JMP | BPF_JGE | BPF_K
    static final int RETURN = 0x06; // BPF_RET | BPF_K

    /** One less than a jump's reach, since its two targets may each need one instruction in between. */
    private static final int REACH = 254;

    /** Each {@code code << 48 | whenTrue << 40 | whenFalse << 32 | operand}; the last of the program first. */
    private long[] reversed = new long[512];

    private int size;
    private final Map<Integer, Integer> returns = new HashMap<>();
    private final Map<Integer, Integer> nearer = new HashMap<>();

    int returning(int result) {
        var standing = returns.get(result);
        if (standing != null && isNear(standing)) {
            return standing;
        }
        var label = put(RETURN, 0, 0, result);
        returns.put(result, label);
        return label;
    }

    /** An instruction that goes on to the one written before it. */
    int step(int code, int operand, int next) {
        if (next != size) {
            put(JUMP, 0, 0, size - next);
        }
        return put(code, 0, 0, operand);
    }

    int jump(int code, int operand, int whenTrue, int whenFalse) {
        if (whenTrue == whenFalse) {
            return whenTrue;
        }
        var nearTrue = near(whenTrue);
        var nearFalse = near(whenFalse);
        return put(code, size - nearTrue, size - nearFalse, operand);
    }

    private boolean isNear(int label) {
        return size - label <= REACH;
    }

    /** The label itself, or one near that leads to it. */
    private int near(int label) {
        if (isNear(label)) {
            return label;
        }
        var instruction = reversed[label - 1];
        if (instruction >>> 48 == RETURN) {
            return returning((int) instruction);
        }
        var known = nearer.get(label);
        if (known != null && isNear(known)) {
            return known;
        }
        var relay = put(JUMP, 0, 0, size - label);
        nearer.put(label, relay);
        return relay;
    }

    private int put(int code, int whenTrue, int whenFalse, int operand) {
        if (size == reversed.length) {
            reversed = Arrays.copyOf(reversed, size * 2);
        }
        reversed[size++] = (long) code << 48 | (long) whenTrue << 40 | (long) whenFalse << 32 | operand & 0xffffffffL;
        return size;
    }

    int size() {
        return size;
    }

    /** The program as {@code struct sock_filter[]}, first instruction first. */
    byte[] program() {
        var bytes = ByteBuffer.allocate(size * 8).order(ByteOrder.nativeOrder());
        for (var at = size - 1; at >= 0; at--) {
            var instruction = reversed[at];
            bytes.putShort((short) (instruction >>> 48))
                    .put((byte) (instruction >>> 40))
                    .put((byte) (instruction >>> 32))
                    .putInt((int) instruction);
        }
        return bytes.array();
    }
}
