package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildOutput;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import dev.cais.Platform;
import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Arguments that BuildKit keeps for itself; {@code BuildCachesTest} and {@code BuildGitTest} have others. */
class BuiltInArgumentsTest extends BuildsByOneEngine {
    @TempDir
    private Path host;

    @Test
    void theHostHasTheSameNameEachTime() {
        var spec = builds.spec("""
                FROM busybox
                RUN hostname >/name
                RUN --network=none hostname >>/name
                """);
        assertThat(builds.run(builds.build(spec), "cat", "/name")).isEqualTo("buildkitsandbox\nbuildkitsandbox\n");
        assertThat(builds.run(builds.build(spec.arg("BUILDKIT_SANDBOX_HOSTNAME", "other")), "cat", "/name"))
                .isEqualTo("other\nother\n");
        assertThatThrownBy(() -> builds.build(spec.arg("BUILDKIT_SANDBOX_HOSTNAME", "a b")))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: cannot set host name a b: it is not"
                        + " 1 to 63 letters, digits, dots and hyphens [line=2]\n");
    }

    @Test
    void cachesOfOtherNamespacesAreOthers() {
        var spec = builds.spec("""
                FROM busybox
                RUN --mount=type=cache,id=spaced,target=/c echo x >>/c/file; cat /c/file >/seen
                """).withoutCache();
        builds.build(spec);
        assertThat(builds.run(builds.build(spec), "cat", "/seen")).isEqualTo("x\nx\n");
        assertThat(builds.run(builds.build(spec.arg("BUILDKIT_CACHE_MOUNT_NS", "here")), "cat", "/seen"))
                .isEqualTo("x\n");
    }

    @Test
    void checksAreChosenInPlaceOfTheDirective() {
        var spec = builds.spec("# check=skip=all\nFROM busybox\nMAINTAINER x\n");
        builds.build(spec);
        assertThat(builds.events()).noneMatch(BuildEvent.Warned.class::isInstance);
        builds.build(spec.arg("BUILDKIT_DOCKERFILE_CHECK", "skip=StageNameCasing"));
        assertThat(builds.events()).anyMatch(BuildEvent.Warned.class::isInstance);
        assertThatThrownBy(() -> builds.build(spec.arg("BUILDKIT_DOCKERFILE_CHECK", "error=true")))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("[line=3]");
        assertThatThrownBy(() -> builds.build(spec.arg("BUILDKIT_DOCKERFILE_CHECK", "skipp=x")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot build with argument BUILDKIT_DOCKERFILE_CHECK: directive check has no option skipp; write skip=RULE,RULE;error=true or experimental=RULE");
    }

    @Test
    void oneImageHasAnIndexAndADirectoryIfThatIsWanted() throws IOException {
        var platform = Platform.host().toString();
        var spec = builds.spec("FROM scratch\nCOPY file /\n").output(BuildOutput.oci(host.resolve("one.tar")));
        builds.write("file", "content");
        builds.build(spec.arg("BUILDKIT_MULTI_PLATFORM", "false"));
        assertThat(Programs.skopeo("inspect", "--raw", "oci-archive:" + host.resolve("one.tar")))
                .contains("application/vnd.oci.image.manifest.v1+json");

        var split = spec.arg("BUILDKIT_MULTI_PLATFORM", "1").output(BuildOutput.local(host.resolve("out")));
        var image = builds.build(split.tag("split:1"));
        assertThat(Programs.skopeo("inspect", "--raw", "oci-archive:" + host.resolve("one.tar")))
                .startsWith("{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\"");
        assertThat(host.resolve("out").resolve(platform.replace('/', '_')).resolve("file"))
                .hasContent("content");
        assertThat(engine.images().get("split:1")).isEqualTo(image);
        assertThatThrownBy(() -> builds.build(split.output(BuildOutput.docker(host.resolve("docker.tar")))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot write " + host.resolve("docker.tar")
                        + ": a docker-archive is for one platform; write an OCI layout");
        assertThatThrownBy(() ->
                        builds.build(spec.arg("BUILDKIT_MULTI_PLATFORM", "0").platform(platform, "linux/loong64")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot build with argument BUILDKIT_MULTI_PLATFORM: it is false, and there are 2 platforms");
    }

    @Test
    void theLanguageIsSaidInPlaceOfTheDirective() {
        var spec = builds.spec("# syntax=other/language\nFROM busybox\n");
        assertThatThrownBy(() -> builds.build(spec))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context
                        + "/Dockerfile: directive syntax names other/language, which is another language [line=1]; write"
                        + " docker/dockerfile:1, or nothing; the argument BUILDKIT_SYNTAX=dockerfile.v0 has a directive"
                        + " ignored\n");
        builds.build(spec.arg("BUILDKIT_SYNTAX", "dockerfile.v0"));
    }

    @Test
    void whatIsNeitherTrueNorFalseIsTold() {
        assertThatThrownBy(() -> builds.build(builds.spec("FROM busybox\n").arg("BUILDKIT_INLINE_CACHE", "yes")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build with argument BUILDKIT_INLINE_CACHE: it is true or false, not yes");
        assertThatThrownBy(() ->
                        builds.build(BuildSpec.of("git://127.0.0.1:9/none").arg("BUILDKIT_GIT_ADVICE", "yes")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build with argument BUILDKIT_GIT_ADVICE: it is true or false, not yes");
    }
}
