package dev.cais;

/**
 * Something that was asked for and that this host cannot do; a container runs without it. With {@link EngineOptions#strictLimits} it is
 * an error instead, before anything is started.
 *
 * @param what as in {@code I/O weight 300}
 * @param why half a sentence
 */
public record Warning(String what, String why) {
    /** {@code cannot set I/O weight 300: the kernel has no blkio.weight}. */
    @Override
    public String toString() {
        return "cannot set " + what + ": " + why;
    }
}
