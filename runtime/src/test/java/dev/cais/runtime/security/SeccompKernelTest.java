package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.fixtures.RequiresProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernel takes our programs, and says of every call what we say. */
@RequiresProgram("python3")
class SeccompKernelTest {
    /** Made by the kernel's own trampolines; no filter is asked about them, and whoever else calls them gets SIGILL. */
    private static final int URETPROBE = 335;

    private static final int UPROBE = 336;

    private static final long[][] ARGUMENTS = {
        {0, 0, 0, 0, 0},
        {1, 1, 1, 1, 1},
        {38, 0, 0, 0, 0},
        {40, 0, 0, 0, 0},
        {40 | 1L << 32, 0, 0, 0, 0},
        {0x10000000, 0, 0, 0, 0},
        {0x1200011, 0, 0, 0, 0},
        {0xffffffffL, 0, 0, 0, 0},
        {-1, -1, -1, -1, -1}
    };

    private record Probe(Architecture architecture, int number, long[] arguments) {
        String line() {
            var text = new StringBuilder(architecture == Architecture.X86 ? "32 " : "64 ").append(number);
            for (var argument : arguments) {
                text.append(' ').append(argument);
            }
            return text.append('\n').toString();
        }
    }

    @TempDir
    Path directory;

    private Path script;

    @BeforeEach
    void copyScript() throws IOException {
        assumeTrue(Architecture.host() == Architecture.X86_64, "the probe is written for x86-64");
        script = directory.resolve("probe.py");
        try (var source = Objects.requireNonNull(getClass().getResourceAsStream("probe.py"))) {
            Files.copy(source, script);
        }
    }

    private List<Verdict> askKernel(SeccompFilter filter, List<Probe> probes) throws IOException, InterruptedException {
        var process = new ProcessBuilder("python3", script.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        var questions = new Thread(() -> {
            try (var out = new OutputStreamWriter(process.getOutputStream(), StandardCharsets.US_ASCII)) {
                out.write(HexFormat.of().formatHex(filter.program()) + "\n");
                for (var probe : probes) {
                    out.write(probe.line());
                }
            } catch (IOException e) {
                process.destroyForcibly();
            }
        });
        questions.start();
        try (var in = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))) {
            return in.lines()
                    .map(line -> Verdict.ofResult(Integer.parseUnsignedInt(line)))
                    .toList();
        } finally {
            questions.join();
            assertThat(process.waitFor()).isZero();
        }
    }

    private static List<Probe> everyCall() {
        var probes = new ArrayList<Probe>();
        for (var arguments : ARGUMENTS) {
            for (var number = 0; number < 600; number++) {
                if (number != URETPROBE && number != UPROBE) {
                    probes.add(new Probe(Architecture.X86_64, number, arguments));
                }
                probes.add(new Probe(Architecture.X86_64, number | Architecture.X32_BIT, arguments));
                probes.add(new Probe(Architecture.X86, number, arguments));
            }
        }
        return probes;
    }

    private void assertAgreement(SeccompFilter filter) throws IOException, InterruptedException {
        var probes = everyCall();
        var verdicts = askKernel(filter, probes);

        assertThat(verdicts).hasSameSizeAs(probes);
        for (var index = 0; index < probes.size(); index++) {
            var probe = probes.get(index);
            var arguments = probe.arguments().clone();
            if (probe.architecture() == Architecture.X86) {
                for (var at = 0; at < arguments.length; at++) {
                    arguments[at] &= 0xffffffffL;
                }
            }
            assertThat(verdicts.get(index))
                    .as(probe.line())
                    .isEqualTo(filter.evaluate(probe.architecture(), probe.number(), arguments));
        }
    }

    @Test
    void theStandardFilterSaysInTheKernelWhatItSaysHere() throws Exception {
        assertAgreement(
                SeccompFilter.compile(SeccompFilter.standardProfile(), Capability.DEFAULT, Architecture.X86_64, "6.1")
                        .orElseThrow());
    }

    @Test
    void aFilterWithJumpsFartherThanAByteIsTaken() throws Exception {
        var filter = SeccompFilter.compile(
                        LongProfiles.manyDifferentRules(150), Capability.DEFAULT, Architecture.X86_64, "6.1")
                .orElseThrow();

        assertThat(filter.instructions()).isGreaterThan(1000);
        assertAgreement(filter);
    }
}
