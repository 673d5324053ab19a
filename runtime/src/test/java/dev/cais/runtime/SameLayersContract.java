package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildSpec;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a build writes has the same digests whoever builds: these, which a machine of ours gave once. */
abstract class SameLayersContract {
    @TempDir
    private Path context;

    private void write(String name, String mode) throws IOException {
        var file = context.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, name);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    }

    @Test
    void whoeverBuilds(TestStore store) throws IOException {
        write("src/plain", "rw-r--r--");
        write("src/bin/program", "rwxr-xr-x");
        Files.setPosixFilePermissions(context.resolve("src/bin"), PosixFilePermissions.fromString("rwxr-x---"));
        Files.setLastModifiedTime(context.resolve("src/plain"), FileTime.from(Instant.now()));
        Files.createSymbolicLink(context.resolve("src/link"), Path.of("plain"));
        var archive = new TarWriter()
                .owner(33, 34)
                .directory("srv", 0750)
                .xattr("user.note", "noted")
                .file("srv/secret", 0400, "secret")
                .hardLink("srv/again", "srv/secret")
                .owner(0, 0)
                .file("srv/suid", 04755, "program")
                .symlink("srv/link", "secret");
        Files.write(context.resolve("files.tar"), archive.bytes());
        Files.writeString(context.resolve("Dockerfile"), """
                FROM scratch AS files
                ADD files.tar /
                FROM scratch
                COPY src /app
                COPY --chown=5:6 --chmod=u=rw,go= src/plain /of/others
                USER 7:8
                WORKDIR /home/of
                COPY --from=files /srv /srv
                COPY --from=files --parents /srv/./s* /kept/
                COPY <<EOF /written
                text
                EOF
                """);
        try (var engine = store.openEngine()) {
            var image = engine.images().build(BuildSpec.of(context).arg("SOURCE_DATE_EPOCH", "1700000000"));
            assertThat(image.layers())
                    .extracting(layer -> layer.diffId().hex().substring(0, 12))
                    .containsExactly(
                            "d2ec07f633fd",
                            "8a6d2f9cd8bf",
                            "e2ad76d7256f",
                            "e0d2bc6024fa",
                            "a73d20b7f1dd",
                            "b38a590012f8");
        }
    }
}
