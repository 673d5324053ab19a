package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TreeScanTest {
    @TempDir
    private Path tree;

    /** Files whose names end with it, and directories only for their sake. */
    private record Suffix(String suffix) implements TreeScan.Choice {
        @Override
        public boolean wants(String path, boolean directory) {
            return path.endsWith(suffix);
        }

        @Override
        public boolean enters(String path) {
            return true;
        }
    }

    @BeforeEach
    void fill() throws IOException {
        for (var i = 0; i < 300; i++) {
            var directory = tree.resolve("d" + i % 17 + "/e-" + i % 5 + "/e/" + i % 3);
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("f" + i + (i % 7 == 0 ? ".c" : ".h")), "");
        }
        Files.createDirectories(tree.resolve("d1/e.c/empty"));
        Files.createSymbolicLink(tree.resolve("d1-link.c"), tree);
    }

    private Fd open() {
        return Disk.open(tree, Abi.O_PATH | Abi.O_DIRECTORY, 0);
    }

    private static List<String> names(List<TreeScan.Entry> entries) {
        return entries.stream().map(TreeScan.Entry::name).toList();
    }

    private List<String> alone(TreeScan.Choice choice) {
        try (var root = open()) {
            return names(new TreeScan(root, "a tree").below(new byte[0], choice));
        }
    }

    @Test
    void namesComeInTheOrderOfTheirBytesEachDirectoryBeforeWhatIsInIt() throws IOException {
        try (var files = Files.walk(tree)) {
            var expected = files.map(file -> tree.relativize(file).toString())
                    .sorted((one, other) -> TreeScan.ORDER.compare(Names.of(one), Names.of(other)))
                    .toList();
            assertThat(alone(TreeScan.ALL)).isEqualTo(expected);
        }
    }

    @Test
    void aDirectoryThatIsNotWantedIsThereIfItHoldsWhatIs() {
        var wanted = alone(new Suffix(".c"));
        var files =
                alone(TreeScan.ALL).stream().filter(name -> name.endsWith(".c")).toList();
        assertThat(wanted).containsAll(files);
        assertThat(wanted)
                .allMatch(name -> files.contains(name)
                        || files.stream().anyMatch(file -> name.isEmpty() || file.startsWith(name + "/")));
        assertThat(wanted).isSortedAccordingTo((one, other) -> TreeScan.ORDER.compare(Names.of(one), Names.of(other)));
        assertThat(wanted)
                .doesNotHaveDuplicates()
                .contains("", "d1/e.c", "d1-link.c")
                .doesNotContain("d1/e.c/empty");
    }

    @Test
    void manyThreadsFindWhatOneDoes() throws Exception {
        var threads = Executors.newFixedThreadPool(5);
        try (var root = open()) {
            for (var choice : List.of(TreeScan.ALL, new Suffix(".c"), new Suffix(".none"))) {
                for (var round = 0; round < 20; round++) {
                    var look = new TreeScan(root, "a tree").look(new byte[0], choice);
                    Callable<Boolean> work = () -> {
                        new TreeScan(root, "a tree").carryOut(look);
                        return true;
                    };
                    for (var done : threads.invokeAll(
                            IntStream.range(0, 5).mapToObj(number -> work).toList())) {
                        assertThat(done.get()).isTrue();
                    }
                    assertThat(names(look.found())).isEqualTo(alone(choice));
                }
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void muchIsLeftToOthers() {
        try (var root = open()) {
            var scan = new TreeScan(root, "a tree");
            var look = scan.look(new byte[0], TreeScan.ALL);
            assertThat(scan.carryOut(look, 8)).isFalse();
            scan.carryOut(look);
            assertThat(scan.carryOut(look, 8)).isTrue();
            assertThat(names(look.found())).isEqualTo(alone(TreeScan.ALL));
        }
    }

    @Test
    void whoFailsEndsTheOthersToo() {
        try (var root = open()) {
            var scan = new TreeScan(root, "a tree");
            var look = scan.look(new byte[0], TreeScan.ALL);
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> scan.carryOut(look)).isInstanceOf(CancelledException.class);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(look.take(Integer.MAX_VALUE)).isNull(); // though there is something to be done
        }
    }

    @Test
    void nothingIsFoundWhereNothingIs() {
        try (var root = open()) {
            var scan = new TreeScan(root, "a tree");
            assertThat(scan.below(Names.of("none"), TreeScan.ALL)).isEmpty();
            assertThat(scan.below(Names.of("d1-link.c/d1"), TreeScan.ALL)).isEmpty();
            assertThat(names(scan.below(Names.of("d1-link.c"), TreeScan.ALL))).containsExactly("d1-link.c");
            var in = new ArrayList<>(names(scan.in(Names.of("d1"), TreeScan.ALL)));
            assertThat(in).containsExactly("d1/e-0", "d1/e-1", "d1/e-2", "d1/e-3", "d1/e-4", "d1/e.c");
        }
    }
}
