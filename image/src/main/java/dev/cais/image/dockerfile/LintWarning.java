package dev.cais.image.dockerfile;

/**
 * A place of a Dockerfile that a rule speaks of.
 *
 * @param line the first of the instruction, counted from 1
 * @param text what is the matter, without a full stop
 */
public record LintWarning(LintRule rule, int line, String text) {
    /** As in {@code line 3: stage name Build is not in lower case (StageNameCasing)}. */
    @Override
    public String toString() {
        return "line " + line + ": " + text + " (" + rule + ")";
    }
}
