package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Attestation;
import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildOutput;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.ContainerSpec;
import dev.cais.InvalidSpecException;
import dev.cais.LayerCompression;
import dev.cais.Platform;
import dev.cais.ProvenanceMode;
import dev.cais.PruneOptions;
import dev.cais.PullOptions;
import dev.cais.SlsaVersion;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.TestImages;
import dev.cais.image.oci.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is said of images beside them, and where others find it. */
class BuildAttestationTest extends BuildsWithRegistry {
    private static final String SPDX = "https://spdx.dev/Document";
    private static final String SLSA = "https://slsa.dev/provenance/v1";

    private static JsonObject predicate(Attestation attestation) {
        return JsonObject.parse(attestation.statement(), "statement").object("predicate");
    }

    private static JsonObject raw(String reference) {
        var text = Programs.skopeo("inspect", "--tls-verify=false", "--raw", "docker://" + reference);
        return JsonObject.parse(text.getBytes(StandardCharsets.UTF_8), reference);
    }

    @Test
    void othersFindThemInTheIndex() throws IOException {
        var name = at("said:1");
        var layout = context.resolveSibling(context.getFileName() + "-layout");
        var image = engine.images()
                .build(builds.spec("FROM busybox\nRUN echo said >/said\n")
                        .tag(name)
                        .withSbom()
                        .provenance(ProvenanceMode.MIN)
                        .output(BuildOutput.registry(), BuildOutput.ociLayout(layout)));

        var index = raw(name);
        assertThat(index.text("mediaType")).isEqualTo("application/vnd.oci.image.index.v1+json");
        var entries = index.objects("manifests");
        assertThat(entries).hasSize(2);
        assertThat(entries.get(0).digest("digest")).isEqualTo(image.digest().orElseThrow());
        var said = entries.get(1);
        assertThat(said.object("platform").toMap()).isEqualTo(Map.of("architecture", "unknown", "os", "unknown"));
        assertThat(said.textMap("annotations"))
                .isEqualTo(Map.of(
                        "vnd.docker.reference.type",
                        "attestation-manifest",
                        "vnd.docker.reference.digest",
                        image.digest().orElseThrow().toString()));
        var manifest = raw(at("said@" + said.digest("digest")));
        assertThat(manifest.objects("layers"))
                .extracting(layer -> layer.text("mediaType") + " " + layer.textMap("annotations"))
                .containsExactly(
                        "application/vnd.in-toto+json {in-toto.io/predicate-type=" + SPDX + "}",
                        "application/vnd.in-toto+json {in-toto.io/predicate-type=" + SLSA + "}");
        assertThat(raw(name).toMap())
                .isEqualTo(JsonObject.parse(
                                Programs.skopeo("inspect", "--raw", "oci:" + layout + ":" + name)
                                        .getBytes(StandardCharsets.UTF_8),
                                "layout")
                        .toMap());
        for (var layer : manifest.objects("layers")) {
            assertThat(layout.resolve("blobs/sha256/" + layer.digest("digest").hex()))
                    .isRegularFile();
        }
        Programs.output("rm", "-rf", layout.toString());

        // who pulls it for all platforms has them, too
        var before = engine.images().attestations(name);
        assertThat(before).extracting(Attestation::predicateType).containsExactly(SPDX, SLSA);
        image.remove();
        engine.images().pull(name, PullOptions.defaults().forAllPlatforms());
        assertThat(engine.images().attestations(name))
                .usingRecursiveComparison()
                .isEqualTo(before);
        assertThat(engine.images().attestations("busybox")).isEmpty();
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    @RequiresProgram("mmdebstrap")
    @Timeout(600) // whoever is the first to want Debian's files on a machine waits until they are there
    void aBillOfMaterialsHasWhatDpkgHas() {
        engine.images().importRootfs(TestImages.debianWith("redis-server"), "debian");
        var stage = BuildStage.from("debian").layer(l -> l.file("/app/lib-1.2.jar", new byte[0]));
        var image = engine.images()
                .build(BuildSpec.of(stage)
                        .tag("listed:1")
                        .withSbom()
                        .output(BuildOutput.image().compression(LayerCompression.ZSTD, 1)));

        var said = engine.images().attestations("listed:1");
        assertThat(said)
                .singleElement()
                .satisfies(
                        one -> assertThat(one.image()).isEqualTo(image.digest().orElseThrow()));
        var listed = predicate(said.get(0)).objects("packages").stream()
                .filter(one -> one.has("externalRefs"))
                .map(one -> one.text("name") + " " + one.text("versionInfo"))
                .collect(Collectors.toSet());
        var queried = engine.containers()
                .run(ContainerSpec.of(image).command("dpkg-query", "-W", "-f", "${Package} ${Version}\n"))
                .stdout();
        assertThat(listed)
                .isEqualTo(queried.lines().collect(Collectors.toSet()))
                .hasSizeGreaterThan(50);
        assertThat(said.get(0).text()).contains("\"name\":\"lib\"").contains("pkg:deb/debian/redis-server@");
    }

    @Test
    void provenanceSaysWhatWentInAndNoSecret() throws IOException {
        var spec = builds.spec("""
                        FROM busybox AS base
                        ARG WHO
                        RUN --mount=type=secret,id=token,target=/t echo $WHO >/who
                        FROM scratch
                        COPY --from=base /who /
                        """).tag("made:1").arg("WHO", "quay").secret("token", BuildSecret.of("geheim"));
        engine.images().build(spec.provenance(ProvenanceMode.MAX));
        var whole = engine.images().attestations("made:1").get(0);
        engine.images().build(spec.provenance(ProvenanceMode.MIN));
        var least = engine.images().attestations("made:1").get(0);

        var definition = predicate(whole).object("buildDefinition");
        var request = definition.object("externalParameters").object("request");
        assertThat(request.textMap("args")).isEqualTo(Map.of("build-arg:WHO", "quay"));
        assertThat(request.objects("secrets"))
                .singleElement()
                .satisfies(secret -> assertThat(secret.toMap()).isEqualTo(Map.of("id", "token")));
        assertThat(definition.object("internalParameters").object("buildConfig").texts("instructions"))
                .contains("COPY --from=base /who /")
                .hasSize(5);
        var busybox = engine.images().get("busybox");
        for (var each : List.of(whole, least)) {
            var material = predicate(each).object("buildDefinition").objects("resolvedDependencies");
            assertThat(material).singleElement().satisfies(one -> {
                assertThat(one.text("uri"))
                        .isEqualTo("pkg:docker/busybox@latest?platform="
                                + Platform.host().toString().replace("/", "%2F"));
                assertThat(one.textMap("digest"))
                        .containsEntry(
                                "sha256", busybox.digest().orElse(busybox.id()).hex());
            });
            assertThat(each.text()).doesNotContain("geheim").doesNotContain(context.toString());
            var subjects = JsonObject.parse(each.statement(), "statement").objects("subject");
            assertThat(subjects)
                    .singleElement()
                    .satisfies(subject -> assertThat(subject.textMap("digest"))
                            .containsEntry("sha256", each.image().hex()));
        }
        assertThat(least.text()).doesNotContain("quay").doesNotContain("token");
    }

    @Test
    void provenanceHasTheFormerFormIfThatIsWanted() throws IOException {
        var spec = builds.spec("FROM busybox AS base\nARG WHO\nRUN echo $WHO >/who\n")
                .tag("former:1")
                .arg("WHO", "quay")
                .target("base");
        engine.images().build(spec.provenance(ProvenanceMode.MAX, SlsaVersion.V0_2));
        var said = engine.images().attestations("former:1").get(0);

        assertThat(said.predicateType()).isEqualTo("https://slsa.dev/provenance/v0.2");
        var predicate = predicate(said);
        assertThat(predicate.text("buildType")).isEqualTo("https://mobyproject.org/buildkit@v1");
        assertThat(predicate.objects("materials"))
                .singleElement()
                .satisfies(one -> assertThat(one.text("uri")).startsWith("pkg:docker/busybox@latest?platform="));
        var invocation = predicate.object("invocation");
        assertThat(invocation.object("configSource").text("entryPoint")).isEqualTo("Dockerfile");
        assertThat(invocation.object("parameters").text("target")).isEqualTo("base");
        assertThat(invocation.object("parameters").textMap("args")).isEqualTo(Map.of("build-arg:WHO", "quay"));
        assertThat(predicate.object("buildConfig").texts("instructions")).contains("RUN echo $WHO >/who");
        assertThat(predicate.object("metadata").text("buildStartedOn")).endsWith("Z");
        engine.images().build(spec.provenance(ProvenanceMode.MIN, SlsaVersion.V0_2));
        assertThat(engine.images().attestations("former:1").get(0).text())
                .contains("\"materials\"")
                .doesNotContain("quay")
                .doesNotContain("buildConfig");
    }

    @Test
    void whatCameByGitIsAMaterial() throws IOException {
        var repositories = Files.createDirectory(context.resolve("repositories"));
        try (var server = new GitServer(repositories)) {
            Files.writeString(server.create("repo").resolve("file"), "of git\n");
            var commit = server.commit("repo");
            var url = server.url("repo");
            engine.images()
                    .build(builds.spec("FROM scratch\nADD " + url + " /added/\nCOPY --from=more file /\n")
                            .context("more", BuildContext.git(url + "#main"))
                            .allow(BuildEntitlement.NETWORK_HOST)
                            .tag("git:1")
                            .provenance(ProvenanceMode.MIN));

            var materials = predicate(engine.images().attestations("git:1").get(0))
                    .object("buildDefinition")
                    .objects("resolvedDependencies");
            assertThat(materials).extracting(one -> one.text("uri")).containsExactlyInAnyOrder(url, url + "#main");
            assertThat(materials)
                    .allSatisfy(one -> assertThat(one.textMap("digest")).isEqualTo(Map.of("sha1", commit)));
        }
    }

    @Test
    void aSavedLayoutHasThem() throws IOException {
        var image = engine.images()
                .build(builds.spec("FROM busybox\nRUN echo saved >/saved\n")
                        .tag("saved:1")
                        .withSbom()
                        .provenance(ProvenanceMode.MIN));
        var layout = context.resolve("layout");
        engine.images().save(layout, "saved:1");

        var index = JsonObject.parse(
                Programs.skopeo("inspect", "--raw", "oci:" + layout + ":docker.io/library/saved:1")
                        .getBytes(StandardCharsets.UTF_8),
                "layout");
        assertThat(index.objects("manifests")).hasSize(2);
        assertThat(index.objects("manifests").get(0).digest("digest"))
                .isEqualTo(image.digest().orElseThrow());
        var attested = index.objects("manifests").get(1).digest("digest");
        var manifest =
                JsonObject.parse(Files.readAllBytes(layout.resolve("blobs/sha256/" + attested.hex())), "attestations");
        for (var statement : manifest.objects("layers")) {
            assertThat(layout.resolve(
                            "blobs/sha256/" + statement.digest("digest").hex()))
                    .isRegularFile();
        }
        var target = at("saved:1");
        Programs.skopeo(
                "copy",
                "--all",
                "--dest-tls-verify=false",
                "oci:" + layout + ":docker.io/library/saved:1",
                "docker://" + target);
        assertThat(raw(target).objects("manifests")).hasSize(2);

        engine.images().save(context.resolve("saved.oci.tar"), "saved:1");
        engine.images().save(context.resolve("saved.tar"), "saved:1");
        image.remove();
        for (var file : List.of("saved.oci.tar", "saved.tar", "layout")) {
            var loaded = engine.images().load(context.resolve(file));
            assertThat(loaded)
                    .singleElement()
                    .satisfies(one -> assertThat(one.id()).isEqualTo(image.id()));
        }
        Programs.output("rm", "-rf", layout.toString());
    }

    @Test
    void stagesAndTheContextAreListedIfTheDockerfileSaysSo() throws IOException {
        builds.write("of-stage-1.2.jar", "");
        builds.write("of-context-1.2.jar", "");
        builds.write("ignored-1.2.jar", "");
        builds.write(".dockerignore", "ignored*\n");
        var spec = builds.spec("""
                        ARG BUILDKIT_SBOM_SCAN_CONTEXT=true
                        FROM busybox AS listed
                        ARG BUILDKIT_SBOM_SCAN_STAGE=true
                        COPY of-stage-1.2.jar /app/
                        FROM busybox AS other
                        COPY of-stage-1.2.jar /app/
                        FROM scratch
                        COPY --from=listed /app/of-stage-1.2.jar /a
                        COPY --from=other /app/of-stage-1.2.jar /b
                        """).tag("scanned:1").withSbom();
        engine.images().build(spec);
        assertThat(listed())
                .containsExactly("scanned:1 []", "stage listed [of-stage]", "the context [of-context, of-stage]");

        engine.images().build(spec.arg("BUILDKIT_SBOM_SCAN_STAGE", "false").arg("BUILDKIT_SBOM_SCAN_CONTEXT", "0"));
        assertThat(listed()).containsExactly("scanned:1 []");
        builds.spec("ARG BUILDKIT_SBOM_SCAN_STAGE=x,other\n"
                + Files.readString(context.resolve("Dockerfile"))
                        .replace("ARG BUILDKIT_SBOM_SCAN_STAGE=true\n", "")
                        .replace("CONTEXT=true", "CONTEXT"));
        engine.images().build(spec);
        assertThat(listed()).containsExactly("scanned:1 []", "stage other [of-stage]");
    }

    /** Names of the documents, with their archives. */
    private List<String> listed() {
        return engine.images().attestations("scanned:1").stream()
                .map(BuildAttestationTest::predicate)
                .map(document -> document.text("name") + " "
                        + document.objects("packages").stream()
                                .map(one -> one.text("name"))
                                .filter(name -> name.startsWith("of-") || name.startsWith("ignored"))
                                .sorted()
                                .toList())
                .toList();
    }

    @Test
    void theSameFilesAndTimeGiveTheSameIndex() throws IOException {
        var spec = builds.spec("FROM busybox\nCOPY Dockerfile /\n").withSbom().arg("SOURCE_DATE_EPOCH", "1700000000");
        engine.images().build(spec.tag("one:1"));
        var first = engine.images().attestations("one:1").get(0);
        engine.images().build(spec.tag("one:1").withoutCache());

        assertThat(engine.images().attestations("one:1").get(0).statement()).isEqualTo(first.statement());
    }

    @Test
    void theyGoWithTheNameAndNotBefore() throws IOException {
        engine.images()
                .build(builds.spec("FROM busybox\nRUN echo kept >/kept\n")
                        .tag("kept:1")
                        .withSbom());
        engine.images().prune(PruneOptions.dangling());

        assertThat(engine.images().attestations("kept:1")).hasSize(1);
        assertThat(engine.images().attestations("kept:1").get(0).text())
                .contains("\"_type\":\"https://in-toto.io/Statement/v0.1\"")
                .contains("pkg:docker/kept@1?platform=linux%2F");
        var id = engine.images().get("kept:1").id();
        engine.images().remove("kept:1");
        assertThat(engine.images().list()).extracting(image -> image.id()).doesNotContain(id);
    }

    @Test
    void dockersMediaTypesHaveNoPlaceForThem() throws IOException {
        var spec = builds.spec("FROM busybox\n")
                .withSbom()
                .output(BuildOutput.image().withDockerMediaTypes());

        assertThatThrownBy(() -> engine.images().build(spec))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build " + context + ": Docker's media types have no place for attestations; leave"
                        + " these out, or write OCI's");
    }
}
