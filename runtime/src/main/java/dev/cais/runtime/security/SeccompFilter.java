package dev.cais.runtime.security;

import dev.cais.InvalidSpecException;
import dev.cais.SeccompProfile;
import dev.cais.linux.Syscall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * A system call filter, compiled: the program for seccomp(2), and what it says about a call.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/seccomp.2.html">seccomp(2)</a>
 */
public final class SeccompFilter {
    private static final int CACHED = 32;

    /** The least recently used is dropped first. */
    private static final Map<Key, Optional<SeccompFilter>> CACHE = new LinkedHashMap<>(CACHED * 2, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Optional<SeccompFilter>> eldest) {
            return size() > CACHED;
        }
    };

    private record Key(SeccompProfile profile, long capabilities) {}

    private final byte[] program;
    private final long flags;
    private final Architecture host;

    SeccompFilter(byte[] program, long flags, Architecture host) {
        this.program = program;
        this.flags = flags;
        this.host = host;
    }

    /**
     * The filter of a profile, from a cache of those compiled before.
     *
     * @param capabilities that the container can have (its bounding set); profiles depend on them
     * @return empty if the profile asks for no filter
     * @throws InvalidSpecException if the profile is malformed, with the line where there is one
     */
    public static Optional<SeccompFilter> of(SeccompProfile profile, Set<Capability> capabilities) {
        if (profile instanceof SeccompProfile.Unconfined) {
            return Optional.empty();
        }
        synchronized (CACHE) {
            return CACHE.computeIfAbsent(new Key(profile, Capability.mask(capabilities)), key -> {
                var json = profile instanceof SeccompProfile.Custom custom ? custom.json() : standardProfile();
                return compile(json, capabilities, Architecture.host(), System.getProperty("os.version"));
            });
        }
    }

    static Optional<SeccompFilter> compile(
            String json, Set<Capability> capabilities, Architecture host, String kernel) {
        return ProfileReader.read(json, host, capabilities, kernel)
                .map(rules -> new SeccompFilter(FilterCompiler.compile(rules, host), rules.flags(), host));
    }

    /** The default profile, in Docker's format. */
    static String standardProfile() {
        try (var stream = Objects.requireNonNull(SeccompFilter.class.getResourceAsStream("seccomp.json"))) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The program: {@code struct sock_filter[]}, eight bytes for each instruction, in the host's byte order. */
    public byte[] program() {
        return program.clone();
    }

    /** Number of instructions; at most 4096. */
    public int instructions() {
        return program.length / 8;
    }

    /** Flags for {@code seccomp(SECCOMP_SET_MODE_FILTER, flags, …)}. */
    public long flags() {
        return flags;
    }

    /** What the filter says about a call of the host's own architecture. */
    public Verdict evaluate(Syscall call, long... arguments) {
        return evaluate(host, host == Architecture.AARCH64 ? call.aarch64() : call.x86_64(), arguments);
    }

    /**
     * Runs the program as the kernel does.
     *
     * @param number with the x32 bit where it belongs
     * @param arguments up to six; the others are zero
     */
    Verdict evaluate(Architecture architecture, int number, long... arguments) {
        var data = ByteBuffer.allocate(64).order(ByteOrder.nativeOrder());
        data.putInt(0, number).putInt(4, architecture.audit());
        for (var index = 0; index < arguments.length; index++) {
            data.putLong(16 + 8 * index, arguments[index]);
        }
        var code = ByteBuffer.wrap(program).order(ByteOrder.nativeOrder());
        var word = 0;
        for (var at = 0; ; at++) {
            var whenTrue = code.get(8 * at + 2) & 0xff;
            var whenFalse = code.get(8 * at + 3) & 0xff;
            var operand = code.getInt(8 * at + 4);
            switch (code.getShort(8 * at)) {
                case FilterAssembler.LOAD -> word = data.getInt(operand);
                case FilterAssembler.AND -> word &= operand;
                case FilterAssembler.JUMP -> at += operand;
                case FilterAssembler.JUMP_EQ -> at += word == operand ? whenTrue : whenFalse;
                case FilterAssembler.JUMP_GT -> at += Integer.compareUnsigned(word, operand) > 0 ? whenTrue : whenFalse;
                case FilterAssembler.JUMP_GE ->
                    at += Integer.compareUnsigned(word, operand) >= 0 ? whenTrue : whenFalse;
                case FilterAssembler.RETURN -> {
                    return Verdict.ofResult(operand);
                }
                default -> throw new IllegalStateException("an instruction that the assembler never writes");
            }
        }
    }

    /**
     * Checks calls that are made after the filter is loaded.
     *
     * @param container name for the message
     * @param needed in the order to report
     * @throws InvalidSpecException naming the first call that the profile forbids
     */
    public void requireAllowed(String container, Collection<Syscall> needed) {
        for (var call : needed) {
            if (!evaluate(call).allows()) {
                throw new InvalidSpecException(
                        "cannot start " + container + ": its seccomp profile forbids " + call
                                + ", which its start needs once the filter is loaded",
                        "allow " + call + " in the profile");
            }
        }
    }

    @Override
    public String toString() {
        return "SeccompFilter[" + instructions() + " instructions]";
    }
}
