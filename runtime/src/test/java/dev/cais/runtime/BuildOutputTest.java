package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildOutput;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LayerCompression;
import dev.cais.PushOptions;
import dev.cais.RegistryException;
import dev.cais.StorageException;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.TestStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the results of builds go, and what others read there. */
class BuildOutputTest extends BuildsWithRegistry {
    private static final String EXPORT = """
            FROM busybox AS build
            RUN mkdir -p /out/d && echo one >/out/f && chmod 4750 /out/f && chown 7:8 /out/f
            RUN ln -s /etc/passwd /out/d/link
            FROM scratch
            COPY --from=build /out /
            """;

    @TempDir
    private Path host;

    /** What a tar holds, with single spaces. */
    static List<String> tarListing(Path tar) {
        return Programs.output("tar", "--numeric-owner", "--full-time", "--utc", "-tvf", tar.toString())
                .lines()
                .map(line -> line.replaceAll(" +", " "))
                .toList();
    }

    @Test
    void aDirectoryGetsTheFilesAsTheUsersOwn() throws IOException {
        var out = host.resolve("new/out");
        var image = builds.build(reproducible(EXPORT).output(BuildOutput.local(out)));

        assertThat(out.resolve("f")).hasContent("one");
        assertThat(Files.getAttribute(out.resolve("f"), "unix:mode")).isEqualTo(0100750);
        assertThat(Files.getAttribute(out.resolve("f"), "unix:uid")).isEqualTo(0);
        assertThat(Files.readSymbolicLink(out.resolve("d/link"))).isEqualTo(Path.of("/etc/passwd"));
        assertThat(out.resolveSibling(".")).isDirectoryNotContaining("glob:**/.out.*");
        assertThat(image.tags()).isEmpty();
        assertThat(engine.images().find(image.id().toString())).isPresent();
    }

    @Test
    void devicesAreNotForTheHost() throws IOException {
        builds.build(reproducible(
                        "FROM busybox\nRUN mknod /null c 1 3 && ln /null /other && mkfifo /pipe && echo a >/a && ln /a /b\n")
                .output(BuildOutput.local(host.resolve("out")), BuildOutput.tar(host.resolve("out.tar"))));

        assertThat(host.resolve("out/bin/busybox")).isExecutable();
        assertThat(host.resolve("out/pipe")).exists();
        assertThat(Files.isSameFile(host.resolve("out/a"), host.resolve("out/b")))
                .isTrue();
        assertThat(host.resolve("out/null")).doesNotExist();
        assertThat(host.resolve("out/other")).doesNotExist();
        assertThat(tarListing(host.resolve("out.tar")))
                .anyMatch(line -> line.startsWith("crw") && line.endsWith("null"));
    }

    @Test
    void filesOfADirectoryStayButForThoseOfTheSameNames() throws IOException {
        var out = host.resolve("out");
        Files.createDirectories(out.resolve("d"));
        Files.writeString(out.resolve("mine"), "mine");
        Files.writeString(out.resolve("d/mine"), "mine");
        Files.createSymbolicLink(out.resolve("f"), Path.of("/etc/hostname"));
        var before = Files.readString(Path.of("/etc/hostname"));

        builds.build(reproducible(EXPORT).output(BuildOutput.local(out)));

        assertThat(out.resolve("mine")).hasContent("mine");
        assertThat(out.resolve("d/mine")).hasContent("mine");
        assertThat(out.resolve("f")).isRegularFile().hasContent("one");
        assertThat(Files.isSymbolicLink(out.resolve("f"))).isFalse();
        assertThat(Path.of("/etc/hostname")).hasContent(before.strip());
        try (var names = Files.list(out)) {
            assertThat(names.map(path -> path.getFileName().toString())).containsExactlyInAnyOrder("mine", "d", "f");
        }
    }

    @Test
    void aLinkThatAnEarlierResultLeftIsNotFollowed() throws IOException {
        var victim = Files.createDirectory(host.resolve("victim"));
        var out = Files.createDirectory(host.resolve("out"));
        Files.createSymbolicLink(out.resolve("d"), victim);

        var spec = reproducible(EXPORT).output(BuildOutput.local(out));

        assertThatThrownBy(() -> builds.build(spec))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot write files to " + out + ": " + out.resolve("d")
                        + " is no directory, and one is to come there");
        assertThat(victim).isEmptyDirectory();
        try (var names = Files.list(out)) {
            assertThat(names).containsExactly(out.resolve("d"));
        }
    }

    @Test
    void aTarHasOwnersModesAndTheTimesOfTheBuild() throws IOException {
        var stream = new ByteArrayOutputStream();
        builds.build(reproducible("FROM scratch\nCOPY --chmod=640 --chown=7:8 Dockerfile /d/\n")
                .output(BuildOutput.tar(host.resolve("out.tar")), BuildOutput.tar(stream)));

        assertThat(tarListing(host.resolve("out.tar")))
                .containsExactly(
                        "drw-r----- 7/8 0 2023-11-14 22:13:20 d/",
                        "-rw-r----- 7/8 " + Files.size(context.resolve("Dockerfile"))
                                + " 2023-11-14 22:13:20 d/Dockerfile");
        assertThat(stream.toByteArray()).isEqualTo(Files.readAllBytes(host.resolve("out.tar")));
    }

    @Test
    void allFormsOfAnImageAreTheSameOne() throws IOException {
        var spec = reproducible("FROM busybox\nCOPY Dockerfile /d\nRUN echo made >/made\n")
                .tag("forms:1")
                .annotation("org.opencontainers.image.source", "https://example.com/app");
        var image = builds.build(spec.output(
                BuildOutput.ociLayout(host.resolve("layout")),
                BuildOutput.oci(host.resolve("oci.tar")),
                BuildOutput.docker(host.resolve("docker.tar")),
                BuildOutput.registry(at("forms:1"), at("forms:again"))));

        var digest = image.digest().orElseThrow().toString();
        for (var place : List.of(
                "oci:" + host.resolve("layout"),
                "oci-archive:" + host.resolve("oci.tar"),
                "docker://" + at("forms:1"),
                "docker://" + at("forms:again"))) {
            var tls = place.startsWith("docker:") ? "--tls-verify=false" : "--no-tags";
            assertThat(Programs.skopeo("inspect", tls, "--format", "{{.Digest}}", place))
                    .isEqualTo(digest);
            assertThat(Programs.skopeo("inspect", tls, "--raw", place))
                    .contains("\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"")
                    .contains("\"annotations\":{\"org.opencontainers.image.source\":\"https://example.com/app\"}")
                    .contains("application/vnd.oci.image.layer.v1.tar+gzip")
                    .doesNotContain(".tar\"");
        }
        assertThat(Programs.skopeo("inspect", "--config", "--raw", "docker-archive:" + host.resolve("docker.tar")))
                .isEqualTo(Programs.skopeo("inspect", "--config", "--raw", "oci:" + host.resolve("layout")));
        assertThat(image.tags()).containsExactly("forms:1");
        assertThat(engine.containers()
                        .run(ContainerSpec.of(image).command("cat", "/made"))
                        .stdout())
                .isEqualTo("made\n");

        builds.build(spec.output(BuildOutput.oci(host.resolve("again.tar"))));
        assertThat(host.resolve("again.tar")).hasSameBinaryContentAs(host.resolve("oci.tar"));
    }

    @Test
    @RequiresProgram("umoci")
    void umociUnpacksALayoutToWhichTwoBuildsWereAdded() throws IOException {
        var layout = host.resolve("layout");
        builds.build(
                reproducible("FROM busybox\nRUN echo 1 >/made\n").tag("added:1").output(BuildOutput.ociLayout(layout)));
        builds.build(reproducible("FROM busybox\nRUN echo 2 >/made\n")
                .tag("added:2")
                .output(BuildOutput.ociLayout(layout).compression(LayerCompression.ZSTD, 0)));

        Programs.skopeo(
                "copy", "oci:" + layout + ":docker.io/library/added:1", "oci:" + host.resolve("copy") + ":made");
        Programs.output("umoci", "unpack", "--image", host.resolve("copy") + ":made", host.resolve("bundle") + "");
        assertThat(host.resolve("bundle/rootfs/made")).hasContent("1");
        assertThat(Programs.skopeo("inspect", "--raw", "oci:" + layout + ":docker.io/library/added:2"))
                .contains("application/vnd.oci.image.layer.v1.tar+zstd");
        Programs.output("rm", "-rf", host.resolve("bundle").toString());
    }

    @Test
    void dockersMediaTypesAreForThoseWhoWantThem() throws IOException {
        var image = builds.build(reproducible("FROM busybox\nRUN echo docker >/made\n")
                .tag(at("typed:1"))
                .annotation("a", "left out")
                .output(
                        BuildOutput.image().withDockerMediaTypes(),
                        BuildOutput.registry().withDockerMediaTypes()));

        var raw = Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("typed:1"));
        assertThat(raw)
                .contains("\"mediaType\":\"application/vnd.docker.distribution.manifest.v2+json\"")
                .contains("application/vnd.docker.container.image.v1+json")
                .contains("application/vnd.docker.image.rootfs.diff.tar.gzip")
                .doesNotContain("oci", "left out");
        assertThat(image.digest().orElseThrow().toString())
                .isEqualTo(Programs.skopeo(
                        "inspect", "--tls-verify=false", "--format", "{{.Digest}}", "docker://" + at("typed:1")));
        assertThat(engine.images().pull(at("typed:1")).id()).isEqualTo(image.id());
    }

    @Test
    void aFormThatIsAnotherImageIsForTheRegistryAlone() throws IOException {
        var image = builds.build(reproducible("FROM busybox\nRUN echo chunks >/made\n")
                .tag("chunks:1")
                .output(BuildOutput.registry(at("chunks:1"))
                        .options(PushOptions.defaults().compression(LayerCompression.ESTARGZ))));

        assertThat(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("chunks:1")))
                .contains("containerd.io/snapshot/stargz/toc.digest")
                .doesNotContain(image.id().toString());
        assertThat(engine.images().get("chunks:1")).isEqualTo(image);
        assertThat(engine.containers()
                        .run(ContainerSpec.of(image).command("cat", "/made"))
                        .stdout())
                .isEqualTo("chunks\n");
    }

    @Test
    void whatWasPackedForAnOutputAloneDoesNotStay(TestStore store) throws IOException {
        var spec = reproducible("FROM busybox\nRUN echo left >/made\n").tag("left:1");
        builds.build(spec);
        var before = blobs(store);
        assertThatThrownBy(() -> builds.build(spec.output(BuildOutput.registry("127.0.0.1:1/refused:1"))))
                .isInstanceOf(RegistryException.class);

        assertThat(blobs(store)).isEqualTo(before);
    }

    private static List<String> blobs(TestStore store) throws IOException {
        try (var files = Files.walk(store.path().resolve("blobs"))) {
            return files.map(Path::toString).sorted().toList();
        }
    }

    @Test
    void namesMoveWhenAllElseIsDone() throws IOException {
        var first =
                builds.build(reproducible("FROM busybox\nRUN echo first >/f\n").tag("moving:1"));
        var before = Files.writeString(host.resolve("out.tar"), "before");
        var spec = reproducible("FROM busybox\nRUN echo second >/f\n")
                .tag("moving:1")
                .output(
                        BuildOutput.tar(before),
                        BuildOutput.local(host.resolve("out")),
                        BuildOutput.ociLayout(host.resolve("layout")),
                        BuildOutput.registry("127.0.0.1:1/refused:1")
                                .options(PushOptions.defaults().compression(LayerCompression.ZSTD)));

        assertThatThrownBy(() -> builds.build(spec)).isInstanceOf(RegistryException.class);

        assertThat(engine.images().get("moving:1")).isEqualTo(first);
        assertThat(before).hasContent("before");
        try (var names = Files.list(host)) {
            assertThat(names).containsExactly(before);
        }
    }

    @Test
    void aStreamThatBreaksEndsTheBuild() throws IOException {
        var broken = new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException("gone");
            }
        };
        var spec = reproducible(EXPORT).tag("broken:1").output(BuildOutput.tar(broken));

        assertThatThrownBy(() -> builds.build(spec))
                .isInstanceOf(StorageException.class)
                .hasMessage("cannot write a tar of the result: gone");
        assertThat(engine.images().find("broken:1")).isEmpty();
    }

    @Test
    void outputsThatDoNotFitAreRefusedBeforeAnythingIsDone() throws IOException {
        var spec = reproducible("FROM busybox\nRUN exit 1\n");

        assertThatThrownBy(() -> builds.build(spec.output(BuildOutput.registry())))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot build " + context + ": it is to be pushed, and has no name; add a tag of the registry");
        assertThatThrownBy(() -> builds.build(
                        spec.platform("linux/amd64", "linux/arm64").output(BuildOutput.docker(host.resolve("a.tar")))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot write " + host.resolve("a.tar")
                        + ": a docker-archive is for one platform; write an OCI layout");
        assertThatThrownBy(() -> BuildOutput.image().compression(LayerCompression.ESTARGZ, 0))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep an image of the store as estargz: that makes another image of it;"
                        + " push it so, or write a layout");
    }
}
