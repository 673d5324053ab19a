package dev.cais;

/**
 * A step of a build: an instruction that changes files.
 *
 * @param stage its stage's name, or its number from 0
 * @param number of the step among those of its stage, from 1
 * @param steps of the stage
 * @param line where the instruction begins, from 1; without a Dockerfile, the number of the call
 * @param text the instruction as it is written, its continued lines joined; without a Dockerfile, much as one would have it
 */
public record BuildStep(String stage, int number, int steps, int line, String text) {
    /** As in {@code [base 2] RUN make}. */
    @Override
    public String toString() {
        return "[" + stage + " " + number + "] " + OneLine.of(text);
    }
}
