package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares statx(2) with what the JDK reads. */
class StatxTest {
    private final Statx statx = new Statx();

    static List<Path> files() {
        return List.of(Path.of("/dev/null"), Path.of("/etc/passwd"), Path.of("/proc/self"), Path.of("/usr/bin"));
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyFieldIsWhatTheJdkReads(Path file) throws Exception {
        var expected = Files.readAttributes(
                file, "unix:mode,ino,nlink,uid,gid,size,rdev,lastModifiedTime", LinkOption.NOFOLLOW_LINKS);
        try (var scratch = Scratch.frame()) {
            assertThat(statx.of(Abi.AT_FDCWD, scratch.path(file.toString()))).isZero();
        }
        assertThat(statx.type() | statx.mode()).isEqualTo(expected.get("mode"));
        assertThat(statx.inode()).isEqualTo(expected.get("ino"));
        assertThat((int) statx.links()).isEqualTo(expected.get("nlink"));
        assertThat((int) statx.uid()).isEqualTo(expected.get("uid"));
        assertThat((int) statx.gid()).isEqualTo(expected.get("gid"));
        assertThat(statx.size()).isEqualTo(expected.get("size"));
        assertThat(((long) statx.rdevMajor() << 8) + statx.rdevMinor()).isEqualTo(expected.get("rdev"));
        var modified = TimeUnit.SECONDS.toNanos(statx.modifiedSeconds()) + statx.modifiedNanos();
        assertThat(FileTime.from(modified, TimeUnit.NANOSECONDS)).isEqualTo(expected.get("lastModifiedTime"));
    }

    @Test
    void missingFileGivesTheErrorNumber() {
        try (var scratch = Scratch.frame()) {
            assertThat(Errno.ENOENT.is(statx.of(Abi.AT_FDCWD, scratch.path("/nothing/here"))))
                    .isTrue();
        }
    }
}
