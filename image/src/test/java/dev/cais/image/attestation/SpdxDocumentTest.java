package dev.cais.image.attestation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.image.oci.JsonObject;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpdxDocumentTest {
    private static final Instant TIME = Instant.parse("2024-01-02T03:04:05.678Z");

    @TempDir
    private Path root;

    private void write(String path, String content) throws IOException {
        write(path, content.getBytes(StandardCharsets.UTF_8));
    }

    private void write(String path, byte[] content) throws IOException {
        var file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.write(file, content);
    }

    private static byte[] zip(Map<String, byte[]> entries, boolean stored) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (var each : entries.entrySet()) {
                var entry = new ZipEntry(each.getKey());
                if (stored) {
                    var crc = new CRC32();
                    crc.update(each.getValue());
                    entry.setMethod(ZipEntry.STORED);
                    entry.setSize(each.getValue().length);
                    entry.setCrc(crc.getValue());
                }
                zip.putNextEntry(entry);
                zip.write(each.getValue());
            }
        }
        return bytes.toByteArray();
    }

    private static byte[] maven(String group, String name, String version) throws IOException {
        var text = "groupId=" + group + "\nartifactId=" + name + "\nversion=" + version + "\n";
        return zip(
                Map.of(
                        "META-INF/maven/" + group + "/" + name + "/pom.properties",
                        text.getBytes(StandardCharsets.UTF_8)),
                false);
    }

    private Fd open() {
        try (var scratch = Scratch.frame()) {
            return Fd.of(Syscalls.call(
                    Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(root.toString()), Abi.O_PATH | Abi.O_DIRECTORY));
        }
    }

    private List<SoftwarePackage> packages() {
        try (var opened = open()) {
            return PackageScan.packages(opened, path -> false);
        }
    }

    private List<String> urls() {
        return packages().stream().map(SoftwarePackage::url).toList();
    }

    @Test
    void debianSaysWhatIsInstalled() throws IOException {
        write("usr/lib/os-release", "ID=debian\nVERSION_ID=\"13\"\n");
        Files.createDirectories(root.resolve("etc"));
        Files.createSymbolicLink(root.resolve("etc/os-release"), Path.of("../usr/lib/os-release"));
        write("var/lib/dpkg/status", """
                Package: libc6
                Status: install ok installed
                Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>
                Architecture: amd64
                Source: glibc (2.41-12)
                Version: 2.41-12
                Description: library
                 Package: not this
                 .

                Package: gone
                Status: deinstall ok config-files
                Architecture: all
                Version: 1

                Package: g++
                Status: install ok installed
                Architecture: amd64
                Version: 4:14.2.0-1
                """);
        write("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 13.8\nArchitecture: amd64\n");
        write("var/lib/dpkg/status.d/base.md5sums", "Package: none\n");

        assertThat(urls())
                .containsExactly(
                        "pkg:deb/debian/base-files@13.8?arch=amd64&distro=debian-13",
                        "pkg:deb/debian/g%2B%2B@4:14.2.0-1?arch=amd64&distro=debian-13",
                        "pkg:deb/debian/libc6@2.41-12?arch=amd64&distro=debian-13&upstream=glibc%402.41-12");
    }

    @Test
    void alpineSaysWhatIsInstalled() throws IOException {
        write("etc/os-release", "ID=alpine\nVERSION_ID=3.22.1\n");
        write("lib/apk/db/installed", """
                C:Q1abc=
                P:busybox
                V:1.37.0-r18
                A:x86_64
                o:busybox
                m:Somebody <a@example.org>
                F:bin
                R:busybox

                P:musl
                V:1.2.5-r10
                A:x86_64
                """);

        assertThat(urls())
                .containsExactly(
                        "pkg:apk/alpine/busybox@1.37.0-r18?arch=x86_64&distro=alpine-3.22.1&upstream=busybox",
                        "pkg:apk/alpine/musl@1.2.5-r10?arch=x86_64&distro=alpine-3.22.1");
    }

    @Test
    void archivesOfJavaSayWhatTheyAre() throws IOException {
        var manifest = """
                Manifest-Version: 1.0
                Bundle-SymbolicName: org.titled;singleton=true
                Bundle-Version: 2.1
                Implementation-Vendor: They

                """;
        var inner = maven("org.inner", "inner", "7");
        write("app/maven-1.0.jar", maven("org.example", "maven", "1.0"));
        write("app/titled.jar", zip(Map.of("META-INF/MANIFEST.MF", manifest.getBytes(StandardCharsets.UTF_8)), false));
        write("app/some-lib-3.2.1.jar", zip(Map.of("a", new byte[1]), false));
        write("app/boot.jar", zip(Map.of("BOOT-INF/lib/inner-7.jar", inner), true));
        write("app/web.war", zip(Map.of("WEB-INF/lib/inner-7.jar", inner), false));
        Files.createSymbolicLink(root.resolve("app/link.jar"), Path.of("/etc/passwd"));

        assertThat(packages())
                .extracting(one -> one.foundIn() + " " + one.name() + " " + one.version() + " " + one.url())
                .containsExactlyInAnyOrder(
                        "/app/boot.jar boot  ",
                        "/app/boot.jar!/BOOT-INF/lib/inner-7.jar inner 7 pkg:maven/org.inner/inner@7",
                        "/app/maven-1.0.jar maven 1.0 pkg:maven/org.example/maven@1.0",
                        "/app/some-lib-3.2.1.jar some-lib 3.2.1 ",
                        "/app/titled.jar org.titled 2.1 ",
                        "/app/web.war web  ",
                        "/app/web.war!/WEB-INF/lib/inner-7.jar inner 7 pkg:maven/org.inner/inner@7");
    }

    @Test
    void brokenFilesArePassedOver() throws IOException {
        var whole = zip(
                Map.of(
                        "BOOT-INF/lib/inner-7.jar",
                        maven("org.inner", "inner", "7"),
                        "META-INF/MANIFEST.MF",
                        new byte[9]),
                true);
        var random = new Random(7);
        for (var i = 0; i < 2000; i++) {
            var broken = whole.clone();
            for (var j = 0; j <= i % 4; j++) {
                broken[random.nextInt(broken.length)] = (byte) random.nextInt();
            }
            write("broken" + i % 20 + ".jar", i % 3 == 0 ? Arrays.copyOf(broken, i) : broken);
            if (i % 20 == 19) {
                assertThat(packages()).isNotNull();
            }
        }
        write("var/lib/dpkg/status", new byte[100_000]);
        write("lib/apk/db/installed", ":::\n:\n \nP\n");

        assertThat(packages()).extracting(SoftwarePackage::type).doesNotContain("deb", "apk");
    }

    @Test
    void noFileLeadsOutOrHoldsUp() throws Exception {
        Files.createDirectories(root.resolve("var/lib/dpkg"));
        Files.createDirectories(root.resolve("lib/apk/db"));
        Files.createSymbolicLink(root.resolve("var/lib/dpkg/status"), Path.of("/var/lib/dpkg/status"));
        Files.createSymbolicLink(root.resolve("etc"), Path.of("/etc"));
        assertThat(new ProcessBuilder(
                                "mkfifo", root.resolve("lib/apk/db/installed").toString())
                        .start()
                        .waitFor())
                .isZero();
        assertThat(new ProcessBuilder("mkfifo", root.resolve("pipe.jar").toString())
                        .start()
                        .waitFor())
                .isZero();
        Files.createDirectory(root.resolve("directory.jar"));

        assertThat(packages()).isEmpty();
    }

    @Test
    void documentsHaveWhatTheSpecificationRequires() throws IOException {
        write("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\nMaintainer: Me <me@x>\n");
        byte[] first;
        try (var opened = open()) {
            first = JsonObject.write(SpdxDocument.of(opened, "app:1", TIME).content());
            assertThat(JsonObject.write(SpdxDocument.of(opened, "app:1", TIME).content()))
                    .isEqualTo(first);
        }
        var document = JsonObject.parse(first, "SPDX document");

        assertThat(document.text("spdxVersion")).isEqualTo("SPDX-2.3");
        assertThat(document.text("dataLicense")).isEqualTo("CC0-1.0");
        assertThat(document.text("SPDXID")).isEqualTo("SPDXRef-DOCUMENT");
        assertThat(document.text("name")).isEqualTo("app:1");
        assertThat(document.text("documentNamespace")).matches("https://spdx\\.org/spdxdocs/cais-[0-9a-f]{64}");
        assertThat(document.object("creationInfo").text("created")).isEqualTo("2024-01-02T03:04:05Z");
        assertThat(document.object("creationInfo").texts("creators")).containsExactly("Tool: cais");
        var packages = document.objects("packages");
        assertThat(packages).extracting(one -> one.text("name")).containsExactly("app:1", "a");
        assertThat(packages)
                .allSatisfy(one -> assertThat(one.text("SPDXID")).matches("SPDXRef-[a-zA-Z0-9.-]+"))
                .allSatisfy(one -> assertThat(one.text("downloadLocation")).isEqualTo("NOASSERTION"));
        assertThat(packages.get(1).text("supplier")).isEqualTo("Person: Me (me@x)");
        assertThat(packages.get(1).objects("externalRefs"))
                .extracting(one -> one.text("referenceCategory") + " " + one.text("referenceType") + " "
                        + one.text("referenceLocator"))
                .containsExactly("PACKAGE-MANAGER purl pkg:deb/debian/a@1");
        assertThat(document.objects("relationships"))
                .extracting(one -> one.text("spdxElementId") + " " + one.text("relationshipType") + " "
                        + one.text("relatedSpdxElement"))
                .containsExactly(
                        "SPDXRef-DOCUMENT DESCRIBES SPDXRef-DocumentRoot",
                        "SPDXRef-DocumentRoot CONTAINS SPDXRef-Package-1");
    }
}
