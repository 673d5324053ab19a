package dev.cais.runtime.security;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.stream.Stream;

/**
 * The number of each system call on each architecture: those that Linux had up to 7.0.
 *
 * <p>Read from {@code syscalls.tsv}, which {@code runtime/src/main/syscalls/generate.sh} writes.
 */
final class SyscallNumbers {
    /** The columns of the table, in order. */
    private static final Architecture[] COLUMNS = {
        Architecture.X86_64, Architecture.X86, Architecture.X32, Architecture.AARCH64, Architecture.ARM
    };

    private static final int NONE = -1;
    private static final Map<String, int[]> NUMBERS = read();

    private SyscallNumbers() {}

    /** The call's number, without the bit that marks x32; empty if the architecture has no such call, as far as we know. */
    static OptionalInt of(Architecture architecture, String name) {
        var numbers = NUMBERS.get(name);
        if (numbers == null || numbers[architecture.ordinal()] == NONE) {
            return OptionalInt.empty();
        }
        return OptionalInt.of(numbers[architecture.ordinal()]);
    }

    static Stream<String> names() {
        return NUMBERS.keySet().stream();
    }

    private static Map<String, int[]> read() {
        var stream = Objects.requireNonNull(SyscallNumbers.class.getResourceAsStream("syscalls.tsv"));
        try (var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.US_ASCII))) {
            var table = new HashMap<String, int[]>(1024);
            for (var line = reader.readLine(); line != null; line = reader.readLine()) {
                var fields = line.split("\t", -1);
                var numbers = new int[COLUMNS.length];
                for (var column = 0; column < COLUMNS.length; column++) {
                    var field = fields[column + 1];
                    numbers[COLUMNS[column].ordinal()] = field.equals("-") ? NONE : Integer.parseInt(field);
                }
                table.put(fields[0], numbers);
            }
            return table;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
