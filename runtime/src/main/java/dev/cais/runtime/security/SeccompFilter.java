package dev.cais.runtime.security;

import dev.cais.InvalidSpecException;
import dev.cais.SeccompProfile;
import dev.cais.linux.Syscall;
import java.util.Collection;
import java.util.Optional;
import java.util.Set;

/** A system call filter, compiled: the program for seccomp(2), and what it says about a call. */
public final class SeccompFilter {
    private SeccompFilter() {}

    /**
     * The filter of a profile, from a cache of those compiled before.
     *
     * @param capabilities that the container can have (its bounding set); profiles depend on them
     * @return empty if the profile asks for no filter
     * @throws InvalidSpecException if the profile is malformed, with the line where there is one
     */
    public static Optional<SeccompFilter> of(SeccompProfile profile, Set<Capability> capabilities) {
        throw new UnsupportedOperationException();
    }

    /** The program: {@code struct sock_filter[]}, eight bytes for each instruction, in the host's byte order. */
    public byte[] program() {
        throw new UnsupportedOperationException();
    }

    /** Number of instructions; at most 4096. */
    public int instructions() {
        throw new UnsupportedOperationException();
    }

    /** Flags for {@code seccomp(SECCOMP_SET_MODE_FILTER, flags, …)}. */
    public long flags() {
        throw new UnsupportedOperationException();
    }

    /** What the filter says about a call of the host's own architecture. */
    public Verdict evaluate(Syscall call, long... arguments) {
        throw new UnsupportedOperationException();
    }

    /**
     * Checks calls that are made after the filter is loaded.
     *
     * @param container name for the message
     * @param needed in the order to report
     * @throws InvalidSpecException naming the first call that the profile forbids
     */
    public void requireAllowed(String container, Collection<Syscall> needed) {
        throw new UnsupportedOperationException();
    }
}
