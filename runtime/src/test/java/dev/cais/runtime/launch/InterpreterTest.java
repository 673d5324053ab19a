package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.linux.Errno;
import dev.cais.linux.Syscall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs at random, carried out by the interpreter and by this test. */
@LeakChecked
class InterpreterTest {
    private static final int STEPS = 60;

    @TempDir
    private Path directory;

    /** What a call gives: 0, a positive number, or one of three errors. */
    private enum Kind {
        ZERO(0),
        POSITIVE(1),
        BAD_DESCRIPTOR(-Errno.EBADF.number()),
        NO_FILE(-Errno.ENOENT.number()),
        INVALID(-Errno.EINVAL.number());

        final int result;

        Kind(int result) {
            this.result = result;
        }
    }

    /** Each step writes its letter and goes on at a later one. */
    private static final class Model {
        final LaunchBuilder program = LaunchProgram.builder().failuresGoTo("step" + STEPS);
        final List<Kind> kinds = new ArrayList<>();
        final List<Map<Integer, Integer>> cases = new ArrayList<>();
        final List<Integer> onSuccess = new ArrayList<>();
        final List<Integer> onFailure = new ArrayList<>();

        Model(Random random) {
            for (var step = 0; step < STEPS; step++) {
                program.label("step" + step).write(Arg.of(1), letter(step));
                var kind = Kind.values()[random.nextInt(Kind.values().length)];
                kinds.add(kind);
                add(kind);
                addTargets(random, step);
            }
            program.label("step" + STEPS).write(Arg.of(1), "!").exit(0);
        }

        private void add(Kind kind) {
            switch (kind) {
                case ZERO -> program.step(Syscall.SCHED_YIELD);
                case POSITIVE -> program.step(Syscall.GETPID);
                case BAD_DESCRIPTOR -> program.close(Arg.of(-1));
                case NO_FILE -> program.chdir("/no/such/place");
                case INVALID -> program.unlink("/", 1);
            }
        }

        private void addTargets(Random random, int step) {
            var exact = new HashMap<Integer, Integer>();
            for (var i = random.nextInt(LaunchProgram.MOST_CASES + 1); i > 0; i--) {
                var result = List.of(0, Kind.BAD_DESCRIPTOR.result, Kind.NO_FILE.result, Kind.INVALID.result)
                        .get(random.nextInt(4));
                var target = later(random, step);
                if (exact.putIfAbsent(result, target) == null) {
                    if (result == 0) {
                        program.onZero("step" + target);
                    } else {
                        program.on(Errno.of(result), "step" + target);
                    }
                }
            }
            cases.add(exact);
            onSuccess.add(step + 1);
            if (random.nextBoolean()) {
                onSuccess.set(step, later(random, step));
                program.onSuccess("step" + onSuccess.get(step));
            }
            onFailure.add(STEPS);
            if (random.nextBoolean()) {
                onFailure.set(step, later(random, step));
                program.onFailure("step" + onFailure.get(step));
            }
        }

        private static int later(Random random, int step) {
            return step + 1 + random.nextInt(Math.min(4, STEPS - step));
        }

        private static String letter(int step) {
            return Character.toString('0' + step);
        }

        String expected() {
            var output = new StringBuilder();
            for (var step = 0; step < STEPS; ) {
                output.append(letter(step));
                var result = kinds.get(step).result;
                var otherwise = result < 0 ? onFailure.get(step) : onSuccess.get(step);
                step = cases.get(step).getOrDefault(result, otherwise);
            }
            return output.append('!').toString();
        }
    }

    @Test
    void everyStepGoesOnWhereItIsSaid() {
        for (var seed = 0; seed < 200; seed++) {
            var model = new Model(new Random(seed));
            var program = model.program.build();

            assertThat(Run.of(program).output())
                    .as("seed %s%n%s", seed, program.listing())
                    .isEqualTo(model.expected());
        }
    }

    @Test
    @RequiresFeature(Feature.AARCH64_PROGRAMS)
    void soItDoesOnAarch64() throws IOException {
        var file = directory.resolve("program");
        var command = Machine.host() == Machine.AARCH64
                ? new String[] {file.toString()}
                : new String[] {"qemu-aarch64-static", file.toString()};
        for (var seed = 0; seed < 20; seed++) {
            var model = new Model(new Random(seed));
            var program = model.program.build();
            Files.deleteIfExists(file);
            Files.write(file, program.elf(Machine.AARCH64));
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));

            assertThat(Programs.run(command).output())
                    .as("seed %s%n%s", seed, program.listing())
                    .isEqualTo(model.expected());
        }
    }
}
