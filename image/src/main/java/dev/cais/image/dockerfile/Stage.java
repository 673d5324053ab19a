package dev.cais.image.dockerfile;

import java.util.List;

/**
 * A stage of a Dockerfile: an instruction {@code FROM}, and those up to the next.
 *
 * @param number counted from 0
 */
public record Stage(int number, Instruction.From from, List<Instruction> instructions) {
    public Stage {
        instructions = List.copyOf(instructions);
    }

    /** In lower case; empty if it has none. */
    public String name() {
        return from.stage();
    }

    /** Its name, or its number. */
    @Override
    public String toString() {
        return name().isEmpty() ? Integer.toString(number) : name();
    }
}
