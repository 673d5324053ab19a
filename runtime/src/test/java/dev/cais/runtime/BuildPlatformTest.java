package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.Attestation;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildOutput;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.CorruptContentException;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.PullOptions;
import dev.cais.PullPolicy;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Builds for several platforms, and for others than this host's. */
class BuildPlatformTest extends BuildsWithRegistry {
    /** One that no host of ours is, and no emulator is there for. */
    private static final String FOREIGN = "linux/loong64";

    private static final String CROSS = """
            FROM --platform=$BUILDPLATFORM busybox AS compile
            ARG TARGETPLATFORM
            ARG TARGETARCH
            RUN echo "program for $TARGETPLATFORM" >/program-$TARGETARCH
            FROM scratch
            ARG TARGETARCH
            COPY --from=compile /program-$TARGETARCH /program
            CMD ["/program"]
            """;

    @TempDir
    private Path host;

    @Test
    void severalPlatformsGiveAnIndexWithAnImageForEach() throws IOException {
        var own = Platform.host();
        var events = new ArrayList<BuildEvent>();
        var image = engine.images()
                .build(
                        reproducible(CROSS)
                                .tag(at("cross:1"))
                                .platform(FOREIGN, own.toString())
                                .annotation("org.opencontainers.image.title", "of each")
                                .indexAnnotation("org.opencontainers.image.title", "of all")
                                .output(
                                        BuildOutput.registry(),
                                        BuildOutput.oci(host.resolve("cross.tar")),
                                        BuildOutput.local(host.resolve("out"))),
                        events::add);

        assertThat(image.platform()).isEqualTo(own);
        assertThat(engine.images().get(at("cross:1"))).isEqualTo(image);
        var raw = Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("cross:1"));
        assertThat(raw)
                .startsWith("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"")
                .contains("\"platform\":{\"architecture\":\"loong64\",\"os\":\"linux\"}")
                .contains("\"platform\":{\"architecture\":\"" + own.architecture() + "\",\"os\":\"linux\"}")
                .endsWith("\"annotations\":{\"org.opencontainers.image.title\":\"of all\"}}");
        assertThat(Programs.skopeo(
                        "--override-arch",
                        "loong64",
                        "inspect",
                        "--tls-verify=false",
                        "--config",
                        "--raw",
                        "docker://" + at("cross:1")))
                .contains("\"architecture\":\"loong64\"");
        assertThat(Programs.skopeo("inspect", "--raw", "oci-archive:" + host.resolve("cross.tar")))
                .isEqualTo(raw);
        assertThat(host.resolve("out/linux_loong64/program")).hasContent("program for linux/loong64");
        assertThat(host.resolve("out/" + own.toString().replace('/', '_') + "/program"))
                .hasContent("program for " + own);
        assertThat(events)
                .filteredOn(BuildEvent.Started.class::isInstance)
                .extracting(Object::toString)
                .anyMatch(text -> text.startsWith("[linux/loong64 compile "))
                .anyMatch(text -> text.startsWith("[" + own + " compile "));

        engine.images().remove(at("cross:1"));
        assertThat(engine.images().list()).extracting(Image::tags).containsExactly(List.of("busybox:latest"));
        var again = engine.images().pull(at("cross:1"), PullOptions.defaults().platform(FOREIGN));
        assertThat(again.platform()).hasToString(FOREIGN);
    }

    /** What they have alike is carried out once, also if nothing is taken from the cache. */
    @Test
    void stepsThatPlatformsShareAreCarriedOutOnce() {
        var spec = builds.spec("""
                FROM --platform=$BUILDPLATFORM busybox AS compile
                RUN echo shared >/shared
                FROM scratch
                ARG TARGETARCH
                COPY --from=compile /shared /$TARGETARCH
                """).platform(FOREIGN, Platform.host().toString());
        builds.build(spec);
        for (var again : List.of(spec.withoutCache(), spec.noCacheFilter("compile"))) {
            builds.carriedOut();
            builds.build(again);
            assertThat(builds.carriedOut())
                    .filteredOn(step -> step.contains("RUN echo shared"))
                    .hasSize(1);
        }
    }

    @Test
    void aProgramPutsStagesForSeveralPlatformsTogether() {
        var shared = BuildStage.from("busybox").platform(Platform.host()).run("echo shared >/shared");
        var stage = BuildStage.scratch()
                .arg("TARGETARCH")
                .copyFrom(shared, "/shared", "/")
                .layer(layer -> layer.file("/of-a-program", "x".getBytes(StandardCharsets.UTF_8)))
                .cmd("/shared");
        var image = builds.build(BuildSpec.of(stage)
                .tag(at("fluent:1"))
                .platform(FOREIGN, Platform.host().toString())
                .output(BuildOutput.registry(), BuildOutput.local(host.resolve("fluent"))));

        assertThat(image.platform()).isEqualTo(Platform.host());
        assertThat(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("fluent:1")))
                .contains("\"platform\":{\"architecture\":\"loong64\",\"os\":\"linux\"}")
                .contains("\"platform\":{\"architecture\":\"" + Platform.host().architecture());
        for (var directory : List.of(FOREIGN, Platform.host().toString())) {
            var out = host.resolve("fluent").resolve(directory.replace('/', '_'));
            assertThat(out.resolve("shared")).hasContent("shared\n");
            assertThat(out.resolve("of-a-program")).hasContent("x");
        }
        assertThat(builds.carriedOut())
                .filteredOn(step -> step.contains("echo shared"))
                .hasSize(1);
    }

    @Test
    void anImageForAnotherPlatformIsNotPushedWithoutItsIndex() throws IOException {
        var spec = reproducible(CROSS)
                .tag(at("stored:1"))
                .platform(FOREIGN, Platform.host().toString());
        engine.images().build(spec);

        var digest = engine.images().push(at("stored:1"));

        assertThat(Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + at("stored:1")))
                .contains("loong64", Platform.host().architecture());
        engine.images().build(spec.output(BuildOutput.registry(at("straight:1"))));
        assertThat(engine.images().repository(at("straight")).manifest("1").digest())
                .isEqualTo(digest);
    }

    @Test
    void whatIsLoadedIsPushedAsItWas() throws IOException {
        var own = Platform.host();
        var built = engine.images()
                .build(reproducible(CROSS)
                        .tag(at("whole:1"))
                        .platform(FOREIGN, own.toString())
                        .withSbom()
                        .output(BuildOutput.oci(host.resolve("built.tar"))));
        var digest = engine.images().push(at("whole:1"));
        var attestations = engine.images().attestations(at("whole:1")).stream()
                .map(Attestation::text)
                .toList();
        assertThat(attestations).hasSize(2);
        engine.images().save(host.resolve("saved"), at("whole:1"));
        engine.images().save(host.resolve("saved.oci.tar"), at("whole:1"));

        for (var archive : List.of("built.tar", "saved", "saved.oci.tar")) {
            engine.images().remove(at("whole:1"));
            assertThat(engine.images().list()).hasSize(1);
            assertThat(engine.images().load(host.resolve(archive))).containsExactly(built);
            assertThat(engine.images().list()).hasSize(3);

            assertThat(engine.images().attestations(at("whole:1")))
                    .extracting(Attestation::text)
                    .isEqualTo(attestations);
            engine.images().tag(at("whole:1"), at("again:1"));
            assertThat(engine.images().push(at("again:1"))).isEqualTo(digest);
            engine.images().remove(at("again:1"));
            assertThat(engine.images()
                            .pull(
                                    at("whole:1"),
                                    PullOptions.defaults().platform(FOREIGN).policy(PullPolicy.NEVER))
                            .platform())
                    .hasToString(FOREIGN);
        }
    }

    @Test
    void anIndexForAnotherPlatformIsLoadedIfItIsWhole() throws IOException {
        var archive = host.resolve("foreign");
        var built = engine.images()
                .build(reproducible(CROSS)
                        .tag(at("foreign:1"))
                        .platform(FOREIGN)
                        .withSbom());
        engine.images().save(archive, at("foreign:1"));
        engine.images().remove(at("foreign:1"));
        assertThat(engine.images().load(archive)).containsExactly(built);
        assertThat(engine.images().attestations(at("foreign:1"))).hasSize(1);

        engine.images().remove(at("foreign:1"));
        try (var blobs = Files.list(archive.resolve("blobs/sha256"))) {
            for (var blob : blobs.toList()) {
                if (Files.readString(blob, StandardCharsets.ISO_8859_1).contains("in-toto.io/Statement")) {
                    Files.delete(blob);
                }
            }
        }
        assertThatThrownBy(() -> engine.images().load(archive))
                .isInstanceOf(CorruptContentException.class)
                .hasMessageStartingWith("cannot use index sha256:")
                .hasMessageEndingWith(
                        " of " + archive + ": it has no image for " + Platform.host() + ", only " + FOREIGN);
    }

    @Test
    void onePlatformAloneNeedsNoIndex() throws IOException {
        var image = engine.images().build(reproducible(CROSS).platform(FOREIGN));

        assertThat(image.platform()).hasToString(FOREIGN);
        assertThat(engine.images()
                        .build(reproducible("FROM busybox\nENV a=b\n"))
                        .platform())
                .isEqualTo(Platform.host());
    }

    @Test
    void basesAreThoseOfThePlatformAndTheHostsKeepsItsName() throws IOException {
        var both = reproducible("FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY Dockerfile /\n")
                .tag(at("base:1"))
                .platform(FOREIGN, Platform.host().toString())
                .output(BuildOutput.registry());
        var base = engine.images().build(both);
        engine.images().remove(at("base:1"));
        var pulled = engine.images().pull(at("base:1"));
        assertThat(pulled.id()).isEqualTo(base.id());

        var built = engine.images()
                .build(reproducible("FROM " + at("base:1") + "\nLABEL more=1\n").platform(FOREIGN));

        assertThat(built.config().labels()).containsEntry("arch", "loong64").containsEntry("more", "1");
        assertThat(built.platform()).hasToString(FOREIGN);
        assertThat(engine.images().get(at("base:1")).id()).isEqualTo(base.id());
        registry.close();
        assertThat(engine.images()
                        .build(reproducible("FROM " + at("base:1") + "\nLABEL more=1\n")
                                .platform(FOREIGN)
                                .pull(PullPolicy.MISSING)))
                .isEqualTo(built);
    }

    @Test
    void aProgramForAnotherProcessorNeedsAnEmulator() throws IOException {
        var spec =
                reproducible("FROM scratch\nCOPY Dockerfile /\nRUN [\"/x\"]\n").platform(FOREIGN);

        assertThatThrownBy(() -> engine.images().build(spec))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context
                        + "/Dockerfile: programs for linux/loong64 do not run on this"
                        + " host, which is " + Platform.host() + " and has no emulator for them [line=3]; install"
                        + " qemu-user-static, which registers with binfmt_misc, or write FROM --platform=$BUILDPLATFORM and let"
                        + " the stage compile for $TARGETPLATFORM\n");
    }

    @Test
    @RequiresProgram({"aarch64-linux-gnu-as", "aarch64-linux-gnu-ld"})
    void aProgramForAnotherProcessorRunsWhereAnEmulatorIsRegistered() throws IOException {
        assumeTrue(
                Files.exists(Path.of("/proc/sys/fs/binfmt_misc/qemu-aarch64")),
                "needs qemu-aarch64 registered with binfmt_misc, as Debian's qemu-user-static and binfmt-support do");
        Files.writeString(context.resolve("make.s"), """
                .globl _start
                _start:
                    mov x8, 34              // mkdirat
                    mov x0, -100
                    adr x1, path
                    mov x2, 0755
                    svc 0
                    mov x8, 93              // exit
                    svc 0
                path:
                    .asciz "/made-by-arm64"
                """);
        Programs.output("aarch64-linux-gnu-as", "-o", context.resolve("make.o") + "", context.resolve("make.s") + "");
        Programs.output("aarch64-linux-gnu-ld", "-o", context.resolve("make") + "", context.resolve("make.o") + "");

        var image = engine.images()
                .build(reproducible("FROM scratch\nCOPY make /\nRUN [\"/make\"]\n")
                        .platform("linux/arm64"));

        assertThat(image.platform()).hasToString("linux/arm64");
        assertThat(image.changes(image.layers().get(1)).toString()).isEqualTo("[A /made-by-arm64]");
    }

    @Test
    void aPlatformIsTextOfAKnownForm() {
        assertThatThrownBy(() -> BuildSpec.of(context).platform("arm64"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use platform arm64: it is not os/architecture[/variant]; write linux/amd64");
    }
}
