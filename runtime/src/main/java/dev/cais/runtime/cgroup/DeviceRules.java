package dev.cais.runtime.cgroup;

import dev.cais.linux.Bpf;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Which devices a container may use, whatever nodes it makes: no disk, no memory, nothing but what programs expect of /dev,
 * unless it was given more. Making any node is allowed, since archives hold them.
 *
 * <p>The same rules in two forms: lines for v1's {@code devices.allow}, and a program for v2.
 *
 * @see <a href="https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config-linux.md#allowed-device-list">OCI runtime
 *     spec, Allowed Device list</a>
 */
public final class DeviceRules {
    /** What every container may. */
    public static final DeviceRules DEFAULT = new DeviceRules(List.of(
            Rule.parse("c *:* m"),
            Rule.parse("b *:* m"),
            Rule.parse("c 1:3 rwm"), // null
            Rule.parse("c 1:5 rwm"), // zero
            Rule.parse("c 1:7 rwm"), // full
            Rule.parse("c 1:8 rwm"), // random
            Rule.parse("c 1:9 rwm"), // urandom
            Rule.parse("c 5:0 rwm"), // tty
            Rule.parse("c 5:1 rwm"), // console
            Rule.parse("c 5:2 rwm"), // ptmx
            Rule.parse("c 136:* rwm"))); // pts

    /** No restriction. */
    public static final DeviceRules ALL = new DeviceRules(List.of(Rule.parse("a *:* rwm")));

    /** @param access bits of {@code BPF_DEVCG_ACC_} */
    private record Rule(char type, OptionalInt major, OptionalInt minor, int access) {
        static Rule parse(String text) {
            if (text.equals("a")) {
                return parse("a *:* rwm");
            }
            var numbers = text.substring(2, text.indexOf(' ', 2)).split(":", 2);
            var letters = text.substring(text.lastIndexOf(' ') + 1);
            return new Rule(
                    text.charAt(0),
                    number(numbers[0]),
                    number(numbers[1]),
                    (letters.contains("m") ? MKNOD : 0)
                            | (letters.contains("r") ? READ : 0)
                            | (letters.contains("w") ? WRITE : 0));
        }

        private static OptionalInt number(String text) {
            return text.equals("*") ? OptionalInt.empty() : OptionalInt.of(Integer.parseUnsignedInt(text));
        }

        boolean isEverything() {
            return type == 'a' && major.isEmpty() && minor.isEmpty() && access == EVERYTHING;
        }

        private static String text(OptionalInt number) {
            return number.isPresent() ? Integer.toUnsignedString(number.getAsInt()) : "*";
        }

        /** As v1 takes it. */
        @Override
        public String toString() {
            return type + " " + text(major) + ":" + text(minor) + " " + ((access & READ) != 0 ? "r" : "")
                    + ((access & WRITE) != 0 ? "w" : "") + ((access & MKNOD) != 0 ? "m" : "");
        }
    }

    private static final int MKNOD = 1;
    private static final int READ = 2;
    private static final int WRITE = 4;
    private static final int EVERYTHING = MKNOD | READ | WRITE;

    // struct bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor; }
    private static final int ACCESS_TYPE = 0;
    private static final int MAJOR = 4;
    private static final int MINOR = 8;
    private static final int BPF_DEVCG_DEV_BLOCK = 1;
    private static final int BPF_DEVCG_DEV_CHAR = 2;

    private static final int LOAD = 0x61; // BPF_LDX | BPF_MEM | BPF_W
    private static final int COPY = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
    private static final int SET = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
    private static final int AND = 0x54; // BPF_ALU | BPF_AND | BPF_K
    private static final int SHIFT_RIGHT = 0x74; // BPF_ALU | BPF_RSH | BPF_K
    private static final int JUMP_SET = 0x46; // BPF_JMP32 | BPF_JSET | BPF_K
    private static final int JUMP_DIFFERENT = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
    private static final int EXIT = 0x95; // BPF_JMP | BPF_EXIT

    private static final int HEAD = 6;
    private static final int LONGEST_RULE = 6;
    private static final int INSTRUCTION = 8;

    private final List<Rule> rules;

    private DeviceRules(List<Rule> rules) {
        this.rules = rules;
    }

    /** These and more, each as {@code c 10:200 rwm}. */
    public DeviceRules and(List<String> more) {
        var all = new ArrayList<>(rules);
        more.forEach(text -> all.add(Rule.parse(text)));
        return new DeviceRules(List.copyOf(all));
    }

    /** What to write to v1's {@code devices.allow} after {@code a} to {@code devices.deny}, a line a call. */
    List<String> lines() {
        var lines = new ArrayList<String>();
        for (var rule : rules) {
            if (rule.isEverything()) {
                lines.add("a");
            } else if (rule.type == 'a') { // which v1 takes for all devices, whatever numbers follow
                lines.add("b" + rule.toString().substring(1));
                lines.add("c" + rule.toString().substring(1));
            } else {
                lines.add(rule.toString());
            }
        }
        return lines;
    }

    /** The program: 1 allows, 0 refuses. A rule allows what asks for nothing beyond its letters. */
    byte[] program() {
        var code = ByteBuffer.allocate(INSTRUCTION * (HEAD + rules.size() * LONGEST_RULE + 2));
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
        for (var rule : rules) {
            // Each condition that fails jumps behind the rule's answer: two instructions, and the conditions after it.
            var left = (rule.access == EVERYTHING ? 0 : 1)
                    + (rule.type == 'a' ? 0 : 1)
                    + (rule.major.isPresent() ? 1 : 0)
                    + (rule.minor.isPresent() ? 1 : 0)
                    + 2;
            if (rule.access != EVERYTHING) {
                Bpf.put(code, JUMP_SET, access, 0, --left, EVERYTHING & ~rule.access);
            }
            if (rule.type != 'a') {
                var wanted = rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
                Bpf.put(code, JUMP_DIFFERENT, type, 0, --left, wanted);
            }
            if (rule.major.isPresent()) {
                Bpf.put(code, JUMP_DIFFERENT, major, 0, --left, rule.major.getAsInt());
            }
            if (rule.minor.isPresent()) {
                Bpf.put(code, JUMP_DIFFERENT, minor, 0, --left, rule.minor.getAsInt());
            }
            answer(code, 1);
            if (rule.isEverything()) {
                // the kernel's verifier refuses instructions that are never reached
                return Arrays.copyOf(code.array(), code.position());
            }
        }
        answer(code, 0);
        return Arrays.copyOf(code.array(), code.position());
    }

    private static void answer(ByteBuffer code, int value) {
        Bpf.put(code, SET, 0, 0, 0, value);
        Bpf.put(code, EXIT, 0, 0, 0, 0);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof DeviceRules same && rules.equals(same.rules);
    }

    @Override
    public int hashCode() {
        return rules.hashCode();
    }

    @Override
    public String toString() {
        return "DeviceRules" + lines();
    }
}
