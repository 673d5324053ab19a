package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

@RequiresRoot
@RequiresProgram({"nohup", "nice", "taskset", "chrt", "ionice", "choom", "setarch"})
@LeakChecked
class InheritanceTest {
    private static final List<String> WRAPPER = List.of(
            "sh",
            "-c",
            "umask 077; trap '' USR1; exec nohup nice -n 3 ionice -c 2 -n 7 chrt --batch 0 taskset -c 0 choom -n 500 --"
                    + " setarch -R \"$@\"",
            "sh");

    @Test
    void aLaunchedProcessHasNothingOfTheJvm() {
        Map<String, String> told;
        try (var jvm = ChildJvm.start(WRAPPER, List.of(), Inheriting.class)) {
            told = jvm.readLines().stream()
                    .map(line -> line.split("=", 2))
                    .collect(Collectors.toMap(line -> line[0], line -> line[1]));
        }

        // what there was to inherit
        assertThat(told)
                .contains(
                        entry("jdk:umask", "0077"),
                        entry("jdk:nice", "3"),
                        entry("jdk:policy", "3"),
                        entry("jdk:ioprio", "best-effort: prio 7"),
                        entry("jdk:processors", "0"),
                        entry("jdk:oom", "500"),
                        entry("jdk:session", "inherited"),
                        entry("jdk:personality", "00040000"))
                .doesNotContain(
                        entry("jdk:SigIgn", "0000000000000000"),
                        entry("jdk:directory", "/"),
                        entry("jdk:environment", "0"));
        // what was inherited
        assertThat(told)
                .contains(
                        entry("launch:descriptors", " 0 1 2"),
                        entry("launch:SigBlk", "0000000000000000"),
                        entry("launch:SigIgn", "0000000000000000"),
                        entry("launch:umask", "0022"),
                        entry("launch:nice", "0"),
                        entry("launch:policy", "0"),
                        entry("launch:ioprio", "none: prio 0"),
                        entry("launch:oom", "0"),
                        entry("launch:directory", "/"),
                        entry("launch:environment", "0"),
                        entry("launch:session", "own"),
                        entry("launch:personality", "00000000"),
                        entry("launch:core", "00000033"),
                        entry("launch:slack", "50000"),
                        entry("launch:files", "1024"),
                        entry("launch:dumpable", "no"),
                        entry("launch:key after", "none"));
        assertThat(told.get("launch:processors")).isNotEqualTo("0");
        var found = told.getOrDefault("jvm:key", "").equals("added") ? "found" : "none";
        assertThat(told).containsEntry("launch:key before", found);
    }
}
