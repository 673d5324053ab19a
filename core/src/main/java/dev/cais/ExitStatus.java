package dev.cais;

import java.util.Optional;

/**
 * How a process ended.
 *
 * @param exitCode as a shell gives it: 0 to 255, or 128 and the signal's number
 * @param signal that killed it, as {@code SIGKILL}
 * @param oomKilled whether the kernel killed something in the container for want of memory
 */
public record ExitStatus(int exitCode, Optional<String> signal, boolean oomKilled) {
    public boolean success() {
        return exitCode == 0;
    }

    /** {@code exit 3}, {@code killed by SIGKILL (out of memory)}. */
    @Override
    public String toString() {
        return signal.map(name -> "killed by " + name).orElse("exit " + exitCode)
                + (oomKilled ? " (out of memory)" : "");
    }
}
