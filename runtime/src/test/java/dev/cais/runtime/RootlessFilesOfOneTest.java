package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.CommitOptions;
import dev.cais.ContainerSpec;
import dev.cais.CopySource;
import dev.cais.Ready;
import dev.cais.fixtures.AsPlainUser;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Debian's files where a plain user has no ids to give them to: all are root's, and that is told. */
@AsPlainUser(subordinateIds = false, debian = DebiansFilesAsPlainUser.REDIS)
class RootlessFilesOfOneTest extends DebiansFilesAsPlainUser {
    @Test
    void filesOfOthersAreRootsAndKeepTheirModes() {
        assertThat(run(debian, "stat -c '%U:%G %a' /var/lib/redis /bin/su /etc/shadow /usr/bin/chage"))
                .isEqualTo("root:root 750\nroot:root 4755\nroot:root 640\nroot:root 2755\n");
        assertThat(engine.info().notes())
                .anySatisfy(note -> assertThat(note).contains("files of other users become root's"));
    }

    @Test
    void containersAreCommittedAndCopiedTo() throws IOException {
        var host = Files.writeString(directory.resolve("host"), "from the host");
        try (var container = engine.containers()
                .start(ContainerSpec.of(debian)
                        .command("sh", "-c", "mkdir -m 0 /closed; echo x >/closed/file; echo ready; sleep 1000"))) {
            container.awaitReady(Ready.logLine("ready"), Duration.ofSeconds(60));
            container.copyIn(CopySource.of(host).owner(100, 101), "/closed/copied");

            var committed = container.commit("committed", CommitOptions.DEFAULT.withoutPause());

            assertThat(run(committed, "stat -c '%U %a %n' /closed /closed/*"))
                    .isEqualTo("root 0 /closed\nroot 644 /closed/copied\nroot 644 /closed/file\n");
        }
    }

    @Test
    void buildsGiveFilesToRoot() throws IOException {
        var builds = TestBuilds.of(engine, Files.createDirectory(directory.resolve("context")));
        builds.write("a", "a\n");

        var image = builds.build("""
                FROM debian
                RUN mkdir -m 0500 /closed && echo ran >/closed/ran
                COPY --chown=5000:5000 --chmod=400 a /closed/a
                """);

        assertThat(run(image, "cat /closed/*; stat -c '%u:%g %a' /closed/*")).isEqualTo("a\nran\n0:0 400\n0:0 644\n");
    }
}
