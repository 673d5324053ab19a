package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildPruneOptions;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What has not changed since the last build is written once, and each image has its own all the same. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class SharedFilesTest {
    private static final String DOCKERFILE = "FROM busybox\nCOPY src /to/\n";

    @TempDir
    private Path context;

    private Path layers;
    private Engine engine;
    private TestBuilds builds;

    @BeforeEach
    void open(TestStore store, Engine opened) {
        layers = store.path().resolve("layers");
        engine = opened;
        builds = TestBuilds.of(engine, context);
        builds.write("src/a", "one");
        builds.write("src/b", "two");
        builds.write("src/d/c", "three");
    }

    /** What a file holds is remembered when it was not written a moment ago. */
    private void settle() throws IOException {
        for (var name : new String[] {"src/a", "src/b", "src/d/c"}) {
            var changed = ((FileTime) Files.getAttribute(context.resolve(name), "unix:ctime")).toInstant();
            while (Instant.now().isBefore(changed.plusMillis(100))) {
                LockSupport.parkNanos(5_000_000);
            }
        }
    }

    private Image first() throws IOException {
        settle();
        return builds.build(DOCKERFILE);
    }

    private Path file(Image image, String path) {
        var last = image.layers().get(image.layers().size() - 1);
        return layers.resolve(last.diffId().hex().substring(0, 24)).resolve(path);
    }

    private boolean isShared(Image one, Image other, String path) throws IOException {
        return Files.isSameFile(file(one, path), file(other, path));
    }

    private String show(Image image) {
        return builds.run(image, "sh", "-c", "cd /to; for f in $(find . -type f | sort); do echo $f $(cat $f); done");
    }

    @Test
    void aChangedFileReplacesItselfAlone() throws IOException {
        var old = first();
        builds.write("src/b", "new");
        var fresh = builds.build(DOCKERFILE);
        assertThat(isShared(old, fresh, "to/a")).isTrue();
        assertThat(isShared(old, fresh, "to/d/c")).isTrue();
        assertThat(isShared(old, fresh, "to/b")).isFalse();
        assertThat(show(old)).isEqualTo("./a one\n./b two\n./d/c three\n");
        assertThat(show(fresh)).isEqualTo("./a one\n./b new\n./d/c three\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void whatAContainerWritesIsInNeitherImage() throws IOException {
        var old = first();
        builds.write("src/b", "new");
        var fresh = builds.build(DOCKERFILE);
        assertThat(builds.run(fresh, "sh", "-c", "echo more >>/to/a; chmod 600 /to/d/c; cat /to/a; stat -c %a /to/d/c"))
                .isEqualTo("onemore\n600\n");
        assertThat(show(old)).isEqualTo("./a one\n./b two\n./d/c three\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void aFileOfAnotherModeOrTimeIsAnother() throws IOException {
        Files.setPosixFilePermissions(context.resolve("src/a"), PosixFilePermissions.fromString("rw-r--r--"));
        Files.setLastModifiedTime(context.resolve("src/b"), FileTime.fromMillis(5_000_000));
        var old = first();
        Files.setPosixFilePermissions(context.resolve("src/a"), PosixFilePermissions.fromString("rwx------"));
        Files.setLastModifiedTime(context.resolve("src/b"), FileTime.fromMillis(7_000_000));
        settle();
        var fresh = builds.build(DOCKERFILE);
        assertThat(isShared(old, fresh, "to/a")).isFalse();
        assertThat(isShared(old, fresh, "to/b")).isFalse();
        assertThat(isShared(old, fresh, "to/d/c")).isTrue();
        assertThat(builds.run(old, "stat", "-c", "%a %Y", "/to/a", "/to/b")).contains("644 ", " 5000\n");
        assertThat(builds.run(fresh, "stat", "-c", "%a %Y", "/to/a", "/to/b")).contains("700 ", " 7000\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void aFileOfAnotherOwnerIsAnother() throws IOException {
        var old = first();
        var fresh = builds.build("FROM busybox\nCOPY --chown=7:8 src /to/\n");
        assertThat(isShared(old, fresh, "to/a")).isFalse();
        assertThat(builds.run(old, "stat", "-c", "%u:%g", "/to/a")).isEqualTo("0:0\n");
        assertThat(builds.run(fresh, "stat", "-c", "%u:%g", "/to/a")).isEqualTo("7:8\n");
    }

    @Test
    void aFileThatIsRemovedIsGoneFromTheNewImageAlone() throws IOException {
        var old = first();
        Files.delete(context.resolve("src/a"));
        var fresh = builds.build(DOCKERFILE);
        assertThat(isShared(old, fresh, "to/b")).isTrue();
        assertThat(show(old)).isEqualTo("./a one\n./b two\n./d/c three\n");
        assertThat(show(fresh)).isEqualTo("./b two\n./d/c three\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void filesThatExchangeTheirNamesAreNotTakenForEachOther() throws IOException {
        var old = first();
        Files.move(context.resolve("src/a"), context.resolve("src/x"));
        Files.move(context.resolve("src/b"), context.resolve("src/a"));
        Files.move(context.resolve("src/x"), context.resolve("src/b"));
        settle();
        var fresh = builds.build(DOCKERFILE);
        assertThat(show(fresh)).isEqualTo("./a two\n./b one\n./d/c three\n");
        assertThat(isShared(old, fresh, "to/d/c")).isTrue();
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void theNewImageIsWholeWhenTheOldOneIsGone() throws IOException {
        var old = first();
        builds.write("src/b", "new");
        var fresh = builds.build(DOCKERFILE);
        assertThat(isShared(old, fresh, "to/a")).isTrue();
        var gone = file(old, "");
        old.remove();
        engine.images().pruneBuildCache(BuildPruneOptions.all());
        assertThat(gone).doesNotExist();
        assertThat(show(fresh)).isEqualTo("./a one\n./b new\n./d/c three\n");
        assertThat(builds.run(fresh, "stat", "-c", "%h", "/to/a")).isEqualTo("1\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void whatTheEarlierLayerHadIsWrittenWhenThatIsGone() throws IOException {
        first().remove();
        engine.images().pruneBuildCache(BuildPruneOptions.all());
        builds.write("src/b", "new");
        assertThat(show(builds.build(DOCKERFILE))).isEqualTo("./a one\n./b new\n./d/c three\n");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void aBuildWithoutTheCacheWritesAll() throws IOException {
        var old = first();
        builds.write("src/b", "new");
        var fresh = builds.build(builds.spec(DOCKERFILE).withoutCache());
        assertThat(isShared(old, fresh, "to/a")).isFalse();
    }

    /** cron refuses a table that has two. */
    @Test
    void settingsAndSpoolFilesHaveOneName() throws IOException {
        var dockerfile = "FROM busybox\nCOPY src /etc/cron.d/\nCOPY src /var/spool/\nCOPY src /opt/\n";
        settle();
        var old = builds.build(dockerfile);
        builds.write("src/b", "new");
        var fresh = builds.build(dockerfile);
        for (var image : new Image[] {old, fresh}) {
            assertThat(builds.run(image, "stat", "-c", "%h", "/etc/cron.d/a", "/var/spool/d/c", "/opt/a"))
                    .isEqualTo("1\n1\n2\n");
        }
    }
}
