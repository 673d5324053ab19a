package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.cais.fixtures.RequiresProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Our filters and libseccomp's, of the same profiles, say the same of every call. */
@RequiresProgram("python3")
class SeccompOracleTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    private Process oracle;
    private Writer questions;
    private BufferedReader answers;

    @BeforeEach
    void startOracle() throws IOException {
        assumeTrue(Architecture.host() == Architecture.X86_64, "the oracle is written for x86-64");
        assumeTrue(Files.exists(Path.of("/usr/lib/x86_64-linux-gnu/libseccomp.so.2")), "libseccomp2 is not installed");
        var script = directory.resolve("libseccomp.py");
        try (var source = Objects.requireNonNull(getClass().getResourceAsStream("libseccomp.py"))) {
            Files.copy(source, script);
        }
        oracle = new ProcessBuilder("python3", script.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        questions = new OutputStreamWriter(oracle.getOutputStream(), StandardCharsets.UTF_8);
        answers = new BufferedReader(new InputStreamReader(oracle.getInputStream(), StandardCharsets.UTF_8));
    }

    @AfterEach
    void stopOracle() throws Exception {
        if (oracle != null) {
            questions.close();
            oracle.waitFor();
        }
    }

    private JsonNode ask(JsonNode profile, Set<Capability> capabilities) throws IOException {
        var question = JSON.createObjectNode();
        question.set("profile", profile);
        var caps = question.putArray("caps");
        capabilities.forEach(capability -> caps.add(capability.name()));
        question.putArray("kernel").add(6).add(1);
        questions.write(JSON.writeValueAsString(question) + "\n");
        questions.flush();
        return JSON.readTree(answers.readLine());
    }

    /** The calls that libseccomp is too old to know are left out on both sides. */
    private static void forget(ObjectNode profile, JsonNode unknown) {
        var forgotten = new TreeSet<String>();
        unknown.forEach(name -> forgotten.add(name.asText()));
        for (var rule : profile.withArray("syscalls")) {
            var kept = JSON.createArrayNode();
            rule.path("names").forEach(name -> {
                if (!forgotten.contains(name.asText())) {
                    kept.add(name);
                }
            });
            ((ObjectNode) rule).set("names", kept);
        }
    }

    /** What the two say differently, one line for each call and arguments. */
    private List<String> differences(ObjectNode profile, Set<Capability> capabilities) throws IOException {
        forget(profile, ask(profile, capabilities).path("unknown"));
        var answer = ask(profile, capabilities);
        assertThat(answer.has("error")).as(answer.toString()).isFalse();
        var theirs =
                new SeccompFilter(HexFormat.of().parseHex(answer.path("program").asText()), 0, Architecture.X86_64);
        var ours = SeccompFilter.compile(profile.toString(), capabilities, Architecture.X86_64, "6.1")
                .orElseThrow();
        var differences = new ArrayList<String>();
        for (var arguments : probes(profile)) {
            for (var architecture : List.of(Architecture.X86, Architecture.X86_64, Architecture.X32)) {
                SyscallNumbers.names()
                        .sorted()
                        .forEach(name -> SyscallNumbers.of(architecture, name)
                                .ifPresent(number ->
                                        compare(ours, theirs, architecture, name, number, arguments, differences)));
            }
        }
        return differences;
    }

    private static void compare(
            SeccompFilter ours,
            SeccompFilter theirs,
            Architecture architecture,
            String name,
            int number,
            long[] arguments,
            List<String> differences) {
        var passed = arguments.clone();
        if (architecture != Architecture.X86_64) { // libseccomp compares only 32 bits on x32
            for (var index = 0; index < passed.length; index++) {
                passed[index] &= 0xffffffffL;
            }
        }
        var called = architecture == Architecture.X32 ? number | Architecture.X32_BIT : number;
        var our = ours.evaluate(architecture, called, passed);
        var their = theirs.evaluate(architecture, called, passed);
        if (their.action() == Verdict.Action.KILL_THREAD && our.action() == Verdict.Action.KILL_PROCESS) {
            return; // an architecture that the profile does not name: we are stricter
        }
        if (our.equals(new Verdict(Verdict.Action.ERRNO, 38)) && !their.allows()) {
            return; // newer than what the profile names
        }
        if (!our.equals(their)) {
            differences.add(architecture + " " + name + Arrays.toString(passed) + ": " + our + ", libseccomp " + their);
        }
    }

    /** Arguments around each value that the profile compares with. */
    private static List<long[]> probes(JsonNode profile) {
        var values = new TreeSet<Long>(Set.of(0L, 1L, -1L, 1L << 32));
        for (var rule : profile.path("syscalls")) {
            for (var argument : rule.path("args")) {
                for (var value : List.of(argument.path("value"), argument.path("valueTwo"))) {
                    var number = value.bigIntegerValue().longValue();
                    values.addAll(List.of(number - 1, number, number + 1, number | 1L << 32, number ^ 1L << 63));
                }
            }
        }
        var probes = new ArrayList<long[]>();
        for (var value : values) {
            probes.add(new long[] {value, value, value, value, value, value});
            probes.add(new long[] {value, 0, 0, 0, 0, 0});
        }
        return probes;
    }

    @Test
    void theStandardProfileDiffersOnlyWhereItIsStricterOnPurpose() throws IOException {
        var profile = (ObjectNode) JSON.readTree(SeccompFilter.standardProfile());

        assertThat(differences(profile, Capability.DEFAULT))
                .isNotEmpty()
                .allMatch(difference -> difference.startsWith("X86 socketcall[1, ")
                        && difference.endsWith("ERRNO, data=1], libseccomp Verdict[action=ALLOW, data=0]"));
    }

    @Test
    void aProfileThatOthersWroteMeansTheSame() throws IOException {
        var file = Path.of("/usr/share/containers/seccomp.json");
        assumeTrue(Files.exists(file), "golang-github-containers-common is not installed");
        var profile = (ObjectNode) JSON.readTree(Files.readString(file));

        assertThat(differences(profile.deepCopy(), Capability.DEFAULT)).isEmpty();
        assertThat(differences(profile.deepCopy(), EnumSet.noneOf(Capability.class)))
                .isEmpty();
        assertThat(differences(profile.deepCopy(), EnumSet.allOf(Capability.class)))
                .isEmpty();
    }
}
