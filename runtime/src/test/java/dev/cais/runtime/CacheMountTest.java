package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** {@code RUN --mount=type=cache}. */
class CacheMountTest extends BuildsByOneEngine {
    @Test
    void aNewOneHasItsModeAndItsOwner() {
        var image = builds.build("""
                FROM busybox
                RUN --mount=type=cache,id=usual,target=/c stat -c '%a %u %g' /c >/seen
                RUN --mount=type=cache,id=owned,target=/c,mode=1770,uid=7,gid=8 stat -c '%a %u %g' /c >>/seen
                RUN --mount=type=cache,id=owned,target=/c,mode=0700,uid=9,gid=9 stat -c '%a %u %g' /c >>/seen
                USER 1000
                RUN --mount=type=cache,id=users,target=/c,uid=1000 echo mine >/c/file && cat /c/file >/tmp/mine
                """);

        assertThat(builds.run(image, "cat", "/seen", "/tmp/mine"))
                .as("of a known one the owner stays")
                .isEqualTo("755 0 0\n1770 7 8\n1770 7 8\nmine\n");
    }

    @Test
    void aNewOneHoldsWhatItIsFilledWith() {
        builds.write("more/d/file", "of a context\n");
        var image = builds.build(builds.spec("""
                        FROM busybox AS seed
                        RUN mkdir -p /d/e && echo of a stage >/d/e/file && chown 5:6 /d/e/file && chmod 640 /d/e/file
                        FROM busybox
                        RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/d \\
                            cat /c/e/file >/seen; stat -c '%a %u %g' /c/e/file >>/seen; echo changed >/c/e/file
                        RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/d cat /c/e/file >>/seen
                        RUN --mount=type=cache,id=other,target=/c,from=more,source=d,ro cat /c/file >>/seen; ! touch /c/x 2>/dev/null
                        """).context("more", context.resolve("more")));

        assertThat(builds.run(image, "cat", "/seen")).isEqualTo("of a stage\n640 5 6\nchanged\nof a context\n");
        assertThat(builds.run(image, "sh", "-c", "ls -d /c 2>/dev/null; true")).isEmpty();
    }

    @Test
    void whoMountsOneTwiceDoesNotWaitForItself() {
        var image = builds.build("""
                FROM busybox
                RUN --mount=type=cache,id=twice,target=/a,sharing=locked \\
                    --mount=type=cache,id=twice,target=/b,sharing=locked \\
                    --mount=type=cache,id=twice,target=/c,ro echo one >/a/file && cat /b/file /c/file >/seen
                """);

        assertThat(builds.run(image, "cat", "/seen")).isEqualTo("one\none\n");
    }

    @Test
    void whoWaitsForAStageToFillOneDoesNotKeepItFromThatStage() {
        var image = builds.build("""
                FROM busybox AS seed
                RUN mkdir /d && echo seed >/d/file
                RUN --mount=type=cache,id=circle,target=/c,sharing=locked echo first >/c/file
                FROM busybox
                RUN --mount=type=cache,id=circle,target=/c,sharing=locked,from=seed,source=/d cat /c/file >/seen
                """);

        assertThat(builds.run(image, "cat", "/seen")).isEqualTo("first\n");
    }

    @Test
    void itsTargetIsItsNameUnlessAnotherIsGiven() {
        builds.build("FROM busybox\nRUN --mount=type=cache,target=/named echo first >/named/file\n");
        var image = builds.build("""
                FROM busybox
                WORKDIR /named
                RUN --mount=type=cache,target=/named cat file >/seen
                RUN --mount=type=cache,target=/elsewhere,id=/named cat /elsewhere/file >>/seen
                """);

        assertThat(builds.run(image, "cat", "/seen")).isEqualTo("first\nfirst\n");
    }

    /** Each waits, while it has the directory, for something that the other does only when it has one. */
    @Test
    void oneThatIsPrivateIsAnotherForWhoComesMeanwhile() {
        var image = builds.build("""
                FROM busybox AS one
                RUN --mount=type=cache,id=alone,target=/c,sharing=private --mount=type=cache,id=met,target=/m \\
                    touch /c/one /m/one; until [ -e /m/two ]; do sleep 0.01; done; ls /c >/f
                FROM busybox AS two
                RUN --mount=type=cache,id=alone,target=/c,sharing=private --mount=type=cache,id=met,target=/m \\
                    touch /c/two /m/two; until [ -e /m/one ]; do sleep 0.01; done; ls /c >/f
                FROM busybox
                COPY --from=one /f /one
                COPY --from=two /f /two
                """);

        assertThat(builds.run(image, "cat", "/one", "/two")).isEqualTo("one\ntwo\n");
    }

    /** Nobody sees that another one is in there. */
    @Test
    void oneThatIsLockedIsWaitedFor() {
        var use = "[ ! -e /c/used ] && touch /c/used && sleep 0.1 && rm /c/used && echo done >/f\n";
        var image = builds.build("""
                FROM busybox AS one
                RUN --mount=type=cache,id=locked,target=/c,sharing=locked : one; USE
                FROM busybox AS two
                RUN --mount=type=cache,id=locked,target=/c,sharing=locked : two; USE
                FROM busybox
                COPY --from=one /f /one
                COPY --from=two /f /two
                """.replace("USE\n", use));

        assertThat(builds.run(image, "cat", "/one", "/two")).isEqualTo("done\ndone\n");
    }
}
