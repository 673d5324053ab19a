package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import org.junit.jupiter.api.Test;

/** Arguments that BuildKit keeps for itself; {@code BuildCachesTest} and {@code BuildGitTest} have others. */
class BuiltInArgumentsTest extends BuildsByOneEngine {
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
                        "directive check has no option skipp; write skip=RULE,RULE;error=true or experimental=RULE");
    }

    @Test
    void whatIsNeitherTrueNorFalseIsTold() {
        assertThatThrownBy(() -> builds.build(builds.spec("FROM busybox\n").arg("BUILDKIT_INLINE_CACHE", "yes")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build with argument BUILDKIT_INLINE_CACHE: it is true or false, not yes");
    }
}
