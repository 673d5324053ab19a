package dev.cais.runtime.security;

/**
 * What one argument of a call must be, unsigned.
 *
 * @param argument 0 to 5
 * @param value to compare with; for {@link Comparison#MASKED_EQ} the mask
 * @param masked what is left under the mask
 */
record Condition(int argument, Comparison comparison, long value, long masked) {
    enum Comparison {
        NE,
        LT,
        LE,
        EQ,
        GE,
        GT,
        MASKED_EQ
    }
}
