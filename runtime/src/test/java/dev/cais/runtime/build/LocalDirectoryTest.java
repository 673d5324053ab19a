package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.image.archive.Pending;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two builds at the same time, whose files come into one directory. */
@Timeout(60)
class LocalDirectoryTest {
    private static final int BUILDS = 4;
    private static final int FILES = 50;

    @TempDir
    private Path directory;

    private Store store;
    private Path out;

    @BeforeEach
    void open() {
        store = Store.open(directory.resolve("store"), "test");
        out = directory.resolve("new/out");
    }

    @AfterEach
    void close() {
        store.close();
    }

    private Pending begin(Consumer<FileOperations> files) {
        return LocalDirectory.begin(store, out, files);
    }

    private static void directory(FileOperations files, String path) {
        files.directory(path.getBytes(StandardCharsets.UTF_8), Attributes.ofMode(0755));
    }

    private static void link(FileOperations files, String path, String target) {
        files.symlink(
                path.getBytes(StandardCharsets.UTF_8),
                target.getBytes(StandardCharsets.UTF_8),
                Attributes.ofMode(0777));
    }

    private String read(String link) throws IOException {
        return Files.readSymbolicLink(out.resolve(link)).toString();
    }

    private void requireNothingElse(String... names) throws IOException {
        try (var all = Files.list(out)) {
            assertThat(all.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder(names);
        }
        try (var all = Files.list(out.resolveSibling("."))) {
            assertThat(all.map(path -> path.getFileName().toString())).containsExactly("out");
        }
    }

    @Test
    void filesOfTheLaterComeToThoseOfTheEarlier() throws IOException {
        try (var earlier = begin(files -> {
                    directory(files, "d");
                    link(files, "d/both", "earlier");
                    link(files, "d/mine", "earlier");
                });
                var later = begin(files -> {
                    directory(files, "d");
                    link(files, "d/both", "later");
                    directory(files, "e");
                })) {
            earlier.publish();
            later.publish();
        }

        assertThat(read("d/both")).isEqualTo("later");
        assertThat(read("d/mine")).isEqualTo("earlier");
        requireNothingElse("d", "e");
    }

    @Test
    void whatDoesNotFitIntoTheOthersFilesIsLeftOutWhole() throws IOException {
        try (var earlier = begin(files -> link(files, "d", "earlier"));
                var later = begin(files -> {
                    directory(files, "d");
                    directory(files, "a");
                })) {
            earlier.publish();

            assertThatThrownBy(later::publish)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot write files to " + out + ": " + out.resolve("d")
                            + " is no directory, and one is to come there");
        }
        requireNothingElse("d");
    }

    @Test
    void aFileThatCameMeanwhileStays() throws IOException {
        try (var pending = begin(files -> directory(files, "d"))) {
            Files.writeString(out, "file");

            assertThatThrownBy(pending::publish)
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot write files to " + out + ": it is no directory");
        }
        assertThat(out).hasContent("file");
    }

    @Test
    void whatAllHaveIsTheLastOnesAlone() throws Exception {
        var ready = new CyclicBarrier(BUILDS);
        var tasks = new ArrayList<Callable<Path>>();
        for (var i = 0; i < BUILDS; i++) {
            var own = "build " + i;
            tasks.add(() -> {
                try (var pending = begin(files -> {
                    directory(files, "d");
                    for (var n = 0; n < FILES; n++) {
                        link(files, "d/" + n, own);
                    }
                })) {
                    ready.await(30, TimeUnit.SECONDS);
                    pending.publish();
                }
                return out;
            });
        }
        var threads = Executors.newFixedThreadPool(BUILDS);
        try {
            for (var done : threads.invokeAll(tasks)) {
                assertThat(done.get()).isEqualTo(out);
            }
        } finally {
            threads.shutdownNow();
        }

        var owners = new HashSet<String>();
        for (var n = 0; n < FILES; n++) {
            owners.add(read("d/" + n));
        }
        assertThat(owners).hasSize(1);
        requireNothingElse("d");
    }
}
