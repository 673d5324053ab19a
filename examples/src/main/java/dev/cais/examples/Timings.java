package dev.cais.examples;

import java.util.Arrays;
import java.util.Locale;

/** Prints what benchmarks have measured. */
final class Timings {
    private Timings() {}

    /** @param times in milliseconds */
    static void print(String name, double[] times, String remark) {
        var sorted = times.clone();
        Arrays.sort(sorted);
        System.out.printf(
                Locale.ROOT,
                "%-44s %6d %7.2f ms %7.2f ms %7.2f ms  %s%n",
                name,
                times.length,
                median(times),
                sorted[0],
                sorted[sorted.length - 1],
                remark);
    }

    static double median(double[] times) {
        var sorted = times.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
