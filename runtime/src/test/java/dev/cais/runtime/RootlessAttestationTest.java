package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a plain user's build says of files that only others may read. */
@AsPlainUser(subordinateIds = true)
@LeakChecked
@Timeout(120)
class RootlessAttestationTest {
    @TempDir
    private Path context;

    private static byte[] archive() throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry("META-INF/maven/org.quay/hidden/pom.properties"));
            zip.write("groupId=org.quay\nartifactId=hidden\nversion=1.5\n".getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    @Test
    void packagesInFilesOfOthersAreListed(TestStore store) throws IOException {
        var files = new TarWriter()
                .owner(33, 33)
                .directory("srv", 0700)
                .file("srv/app.jar", 0600, archive())
                .directory("var", 0700)
                .directory("var/lib", 0700)
                .directory("var/lib/dpkg", 0700)
                .file(
                        "var/lib/dpkg/status",
                        0600,
                        "Package: closed\nStatus: install ok installed\nVersion: 2.5\nArchitecture: all\n\n");
        try (var engine = store.openEngine()) {
            engine.images().importRootfs(Files.write(context.resolve("files.tar"), files.bytes()), "files");
            var builds = TestBuilds.of(engine, context);
            builds.build(builds.spec("FROM files\nLABEL a=b\n").tag("listed:1").withSbom());

            assertThat(engine.images().attestations("listed:1"))
                    .singleElement()
                    .satisfies(one -> assertThat(one.text())
                            .contains("pkg:maven/org.quay/hidden@1.5", "pkg:deb/debian/closed@2.5"));
        }
    }
}
