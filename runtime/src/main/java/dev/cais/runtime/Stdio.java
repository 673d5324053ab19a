package dev.cais.runtime;

import java.util.Arrays;
import java.util.stream.IntStream;

/** What a launch program makes descriptors 0, 1 and 2 of a process of. */
sealed interface Stdio {
    /**
     * Descriptors that the JVM gave.
     *
     * @param stdin whether 0 is among them; else it is opened on {@code /dev/null}
     */
    record Given(boolean stdin) implements Stdio {}

    /** A terminal of the container's own, which the process controls; its other end goes to the JVM. */
    record Terminal(int columns, int rows) implements Stdio {}

    /** All descriptors that come from the JVM. */
    default int[] inherited(int... more) {
        var first = this instanceof Given given ? given.stdin() ? 0 : 1 : 3;
        return IntStream.concat(IntStream.range(first, 3), Arrays.stream(more)).toArray();
    }
}
