package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildEntitlement;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildPruneOptions;
import dev.cais.BuildRun;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.CancelledException;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Dockerfiles carried out, on a real kernel with a real image. */
class BuildTest extends BuildsByOneEngine {
    private List<BuildEvent> events;

    @BeforeEach
    void begin() {
        events = builds.events();
    }

    private BuildSpec spec(String dockerfile) {
        return builds.spec(dockerfile);
    }

    private Image build(String dockerfile) {
        return builds.build(dockerfile);
    }

    private Image build(BuildSpec spec) {
        return builds.build(spec);
    }

    private String run(Image image, String... command) {
        return builds.run(image, command);
    }

    private void write(String name, String content) {
        builds.write(name, content);
    }

    private List<String> carriedOut() {
        return builds.carriedOut();
    }

    @Test
    void aDockerfileBecomesAnImageThatRuns() throws IOException {
        write("greet.sh", "#!/bin/sh\necho hello $WHO\n");
        var image = build(spec("""
                        FROM busybox AS base
                        ARG WHO=world
                        ENV WHO=$WHO
                        RUN --mount=type=cache,target=/cache <<EOF
                          date >>/cache/builds
                          mkdir /app
                        EOF
                        FROM base
                        COPY --chmod=755 greet.sh /app/
                        ENTRYPOINT ["/app/greet.sh"]
                        """).tag("greeter:1").arg("WHO", "quay"));

        assertThat(image.tags()).containsExactly("greeter:1");
        assertThat(run(image)).isEqualTo("hello quay\n");
        assertThat(TestBuilds.history(image))
                .containsExactly(
                        "ARG WHO=quay",
                        "ENV WHO=quay",
                        "RUN |1 WHO=quay /bin/sh -c   date >>/cache/builds\n  mkdir /app\n # buildkit",
                        "COPY --chmod=755 greet.sh /app/ # buildkit",
                        "ENTRYPOINT [\"/app/greet.sh\"]");
        assertThat(image.changes(image.layers().get(1)).toString())
                .isEqualTo("[A /app]"); // nothing of what was mounted
    }

    @Test
    void whatIsBetterWrittenInAnotherWayIsTold() throws IOException {
        var dockerfile = "FROM busybox as Base\nCMD echo hello\nRUN true\n";
        build(dockerfile);
        assertThat(events)
                .filteredOn(BuildEvent.Warned.class::isInstance)
                .extracting(event -> ((BuildEvent.Warned) event).rule())
                .containsExactly("StageNameCasing", "FromAsCasing", "JSONArgsRecommended");
        assertThat(events.subList(0, 3)).allMatch(BuildEvent.Warned.class::isInstance);

        assertThatThrownBy(() -> build("# check=error=true\n" + dockerfile))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("stage name Base is not in lower case")
                .hasMessageContaining("> ");
    }

    @Test
    void aProgramSeesTheNetworkThatItsInstructionNames() throws IOException {
        var namespace = "readlink /proc/self/ns/net; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '";
        var image = build(spec("""
                        FROM busybox
                        RUN (NAMESPACE) >/default
                        RUN --network=none (NAMESPACE) >/none
                        RUN --network=host (NAMESPACE) >/host
                        """.replace("NAMESPACE", namespace)).allow(BuildEntitlement.NETWORK_HOST));

        var own = Files.readSymbolicLink(Path.of("/proc/self/ns/net")).toString();
        assertThat(run(image, "cat", "/host")).startsWith(own);
        assertThat(run(image, "cat", "/none")).doesNotStartWith(own).endsWith("]\nlo\n");
        assertThat(run(image, "cat", "/default"))
                .doesNotStartWith(own); // the engine of this test has no default network
    }

    @Test
    void privilegedProgramsAreForBuildsThatAllowThem() throws IOException {
        var mount = "mkdir -p /m && mount -t tmpfs none /m && umount /m";
        var dockerfile = spec("FROM busybox\nRUN --security=insecure " + mount + "\nRUN ! mount -t tmpfs none /m\n");
        assertThatThrownBy(() -> build(dockerfile))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: RUN --security=insecure is not"
                        + " allowed [line=2]; allow it with BuildSpec.allow(BuildEntitlement.SECURITY_INSECURE),"
                        + " if you trust the Dockerfile");

        build(dockerfile.allow(BuildEntitlement.SECURITY_INSECURE));
        carriedOut();
        var stage = BuildStage.from("busybox").run(BuildRun.shell(mount).asInsecure());
        build(BuildSpec.of(stage).allow(BuildEntitlement.SECURITY_INSECURE));

        assertThat(carriedOut()).as("the same step").isEmpty();
    }

    @Test
    void linkedFilesAreTheSameLayerOnWhateverIsBelow() throws IOException {
        write("a", "a");
        var one = build("FROM busybox\nRUN mkdir /one\nCOPY --link a /dir/\n");
        carriedOut();
        var other = build("FROM busybox\nRUN mkdir /other\nCOPY --link a /dir/\n");

        assertThat(carriedOut()).singleElement().asString().contains("mkdir /other");
        assertThat(other.layers().get(2)).isEqualTo(one.layers().get(2));
        assertThat(run(other, "cat", "/dir/a")).isEqualTo("a");
    }

    @Test
    void buildsAtTheSameTimeCarryOutAStepOnce() throws Exception {
        var spec = spec("FROM busybox\nRUN echo shared; sleep 0.3\n");
        var threads = Executors.newFixedThreadPool(4);
        try {
            var images = new HashSet<Image>();
            for (var built : threads.invokeAll(Collections.<Callable<Image>>nCopies(4, () -> build(spec)))) {
                images.add(built.get());
            }
            assertThat(images).hasSize(1);
        } finally {
            threads.shutdown();
        }
        assertThat(carriedOut()).hasSize(1);
    }

    @Test
    void nothingIsDoneTwice() throws IOException {
        write("a", "a");
        var dockerfile = "FROM busybox\nWORKDIR /app\nCOPY a .\nRUN echo made >b\n";
        var first = build(dockerfile);
        assertThat(carriedOut()).hasSize(3);
        Files.setLastModifiedTime(
                context.resolve("a"), FileTime.from(Instant.now().plusSeconds(60)));
        var again = build(dockerfile);

        assertThat(carriedOut()).isEmpty();
        assertThat(again).isEqualTo(first);

        write("a", "changed");
        build(dockerfile);
        assertThat(carriedOut())
                .containsExactly("[0 2] COPY a . (a changed)", "[0 3] RUN echo made >b (what is below it changed)");

        build(spec(dockerfile).withoutCache());
        assertThat(carriedOut()).hasSize(3);
    }

    @Test
    void stepsThatMakeTheSameLayerMakeAnImageThatRuns() throws IOException {
        write("a", "a");
        var image = build("FROM busybox\nRUN true\nCOPY a /\nRUN rm /a\nRUN true\nCOPY a /\nRUN : again\n");

        assertThat(image.layers()).hasSize(7);
        assertThat(run(image, "cat", "/a")).isEqualTo("a");
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void theCacheOfSomeStagesCanBeLeftAside() throws IOException {
        var spec =
                spec("FROM busybox AS Fresh\nRUN echo a\nFROM busybox\nRUN echo b\nCOPY --from=fresh /etc/passwd /\n");
        build(spec);
        carriedOut();
        build(spec.noCacheFilter("fresh"));

        assertThat(carriedOut()).containsExactly("[fresh 1] RUN echo a (without the cache)");
        build(spec.noCacheFilter("0", "1"));
        assertThat(carriedOut()).hasSize(3);
        assertThatThrownBy(() -> build(spec.noCacheFilter("stale")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot build " + context + " without the cache of stage stale: there is no such stage");
    }

    @Test
    void anotherEngineOfTheStoreKnowsWhatWasBuilt() throws IOException {
        var first = build("FROM busybox\nRUN echo shared >/shared\n");
        try (var other = store.openEngine()) {
            var seen = new ArrayList<BuildEvent>();
            var again = other.images().build(BuildSpec.of(context), seen::add);

            assertThat(again.id()).isEqualTo(first.id());
            assertThat(seen).hasSize(1).first().isInstanceOf(BuildEvent.Cached.class);
        }
    }

    @Test
    void stagesThatNobodyNeedsAreLeftOut() throws IOException {
        var image = build("""
                FROM busybox AS unused
                RUN false
                FROM busybox AS tools
                RUN echo tool >/tool
                FROM scratch
                COPY --from=tools /tool /bin/busybox /
                CMD ["/busybox", "cat", "/tool"]
                """);

        assertThat(run(image)).isEqualTo("tool\n");
        assertThat(image.layers()).hasSize(1);
        assertThat(image.config().command()).containsExactly("/busybox", "cat", "/tool");
    }

    @Test
    void theTargetIsBuiltAndNoMore() throws IOException {
        var image = build(spec("FROM busybox AS one\nLABEL is=one\nFROM one AS two\nRUN false\n")
                .target("one")
                .label("given", "too"));

        assertThat(image.config().labels()).containsEntry("is", "one").containsEntry("given", "too");
    }

    @Test
    void aFailedProgramShowsItsLineAndItsLastWords() throws IOException {
        assertThatThrownBy(() -> build("FROM busybox\nRUN echo first >&2; echo no luck >&2; exit 3\n"))
                .isInstanceOf(BuildException.class)
                .hasMessage("cannot build " + context + "/Dockerfile: the program ended with exit 3 [line=2]; its last"
                        + " words: no luck\n"
                        + "      1 | FROM busybox\n"
                        + ">     2 | RUN echo first >&2; echo no luck >&2; exit 3");
        assertThat(engine.containers().list()).isEmpty();
    }

    @Test
    void aLinkOfTheContextLeadsNowhereElse(@TempDir Path outside) throws IOException {
        Files.writeString(outside.resolve("secret"), "secret");
        Files.createSymbolicLink(context.resolve("link"), outside.resolve("secret"));
        Files.createSymbolicLink(context.resolve("up"), Path.of("../" + outside.getFileName()));

        assertThatThrownBy(() -> build("FROM scratch\nCOPY link /x\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the context has no file link: by links it is "
                        + outside.resolve("secret").toString().substring(1) + ", which is not there, either [line=2]");
        assertThatThrownBy(() -> build("FROM scratch\nCOPY up/secret /x\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the context has no file up/secret: by links it is " + outside.getFileName()
                        + "/secret, which is not there, either [line=2]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"p", "c 1 3", "b 7 0"})
    void devicesAndPipesAreRefused(String kind) throws Exception {
        var command = "mknod " + context.resolve("node") + " " + kind;
        assertThat(new ProcessBuilder(command.split(" ")).start().waitFor()).isZero();

        assertThatThrownBy(() -> build("FROM scratch\nCOPY . /x\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("node of the context is " + (kind.equals("p") ? "a pipe" : "a device")
                        + ", which a build does not copy [line=2]; leave it out with .dockerignore");
    }

    @Test
    void whatIsIgnoredIsNotThere() throws IOException {
        write(".dockerignore", "*.log\nnode_modules\n!keep.log\nDockerfile\n.dockerignore\n");
        write("a.log", "");
        write("keep.log", "");
        write("node_modules/x", "");
        write("src/b.txt", "");
        var image = build("FROM busybox\nCOPY . /x\n");

        assertThat(run(image, "find", "/x").lines().sorted())
                .containsExactly("/x", "/x/keep.log", "/x/src", "/x/src/b.txt");
    }

    @Test
    void filesGoWhereTheyAreTold() throws IOException {
        write("src/a.txt", "a");
        write("src/b.md", "b");
        write("src/deep/c.txt", "c");
        var image = build("""
                FROM busybox
                COPY src /one
                COPY src/*.txt src/b.md /two/
                COPY --parents src/deep/c.txt /three/
                COPY --parents ./src/./deep/c.txt /four/
                COPY --exclude=*.md --exclude=deep src /five/
                COPY --chown=7:8 --chmod=u=rw,go= src/a.txt /six/renamed
                COPY <<one <<'two' /seven/
                $HOME ${NONE:-expanded}
                one
                $HOME
                two
                """);

        assertThat(run(image, "sh", "-c", "find /one /two /three /four /five /six /seven -type f | sort"))
                .isEqualTo("""
                        /five/a.txt
                        /four/deep/c.txt
                        /one/a.txt
                        /one/b.md
                        /one/deep/c.txt
                        /seven/one
                        /seven/two
                        /six/renamed
                        /three/src/deep/c.txt
                        /two/a.txt
                        /two/b.md
                        """);
        assertThat(run(image, "stat", "-c", "%u:%g %a", "/six/renamed", "/six", "/one/a.txt"))
                .isEqualTo("7:8 600\n7:8 755\n0:0 644\n");
        assertThat(run(image, "cat", "/seven/one", "/seven/two")).isEqualTo(" expanded\n$HOME\n");
    }

    @Test
    void ownersAreNamedByTheImage() throws IOException {
        write("f", "f");
        var image = build("""
                FROM busybox
                RUN echo 'me:x:1000:1001::/:/bin/sh' >>/etc/passwd; echo 'us:x:1002:' >>/etc/group
                COPY --chown=me:us f /f
                COPY --chown=me f /g
                USER me
                WORKDIR /mine
                RUN id -u >id
                """);

        assertThat(run(image, "stat", "-c", "%u:%g", "/f", "/g", "/mine", "/mine/id"))
                .isEqualTo("1000:1002\n1000:1001\n1000:1001\n1000:1001\n");
        assertThat(run(image, "cat", "/mine/id")).isEqualTo("1000\n");
    }

    @Test
    void ownersAreAllNumbersThatTheKernelHas() {
        write("f", "f");
        var image = build("""
                FROM busybox AS owned
                COPY --chown=4294967294:3000000000 f /dir/f
                FROM busybox
                COPY --from=owned /dir /dir
                COPY --chown=2147483648 f /g
                """);

        assertThat(run(image, "stat", "-c", "%u:%g", "/dir", "/dir/f", "/g"))
                .isEqualTo("0:0\n4294967294:3000000000\n2147483648:2147483648\n");
        assertThatThrownBy(() -> build("FROM busybox\nCOPY --chown=4294967295 f /f\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageStartingWith("cannot build " + context + "/Dockerfile: --chown has 4294967295, and users and"
                        + " groups are 0 to 4294967294 [line=2]\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--gzip", "--bzip2", "--xz", "--zstd"})
    void archivesAreUnpackedByAddAlone(String compression) throws Exception {
        write("dir/inside", "inside");
        assertThat(new ProcessBuilder(
                                "tar",
                                compression,
                                "-cf",
                                context.resolve("archive").toString(),
                                "-C",
                                context.toString(),
                                "dir")
                        .start()
                        .waitFor())
                .isZero();
        var image = build("FROM busybox\nADD archive /added/\nCOPY archive /copied/\nADD --unpack=false archive /n/\n");

        assertThat(run(image, "sh", "-c", "find /added /copied /n -type f | sort"))
                .isEqualTo("/added/dir/inside\n/copied/archive\n/n/archive\n");
    }

    @Test
    void secretsAreSeenAndNotKept() throws IOException {
        var image = build(spec("""
                        FROM busybox
                        RUN --mount=type=secret,id=token,required cat /run/secrets/token | wc -c >/size
                        RUN --mount=type=secret,id=token stat -c '%a %u %g' /run/secrets/token >/owner
                        RUN --mount=type=secret,id=token,env=TOKEN echo ${#TOKEN} >/length
                        """).secret("token", BuildSecret.of("geheim")));

        assertThat(run(image, "cat", "/size", "/owner", "/length")).isEqualTo("6\n400 0 0\n6\n");
        assertThat(run(image, "sh", "-c", "ls -A /run 2>/dev/null; true")).isEmpty();
        assertThat(image.history().toString() + events).doesNotContain("geheim");
        assertThatThrownBy(() -> build("FROM busybox\nRUN --mount=type=secret,id=none,required true\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the build was given no secret none [line=2]; add it with BuildSpec.secret");
    }

    @Test
    void mountsOfContextsAndStagesAreSeenAndNotKept() throws IOException {
        write("in/file", "of the context");
        write("other/file", "of another");
        var image = build(spec("""
                        FROM busybox AS tools
                        RUN echo of a stage >/file
                        FROM busybox
                        RUN --mount=target=/c,source=in --mount=from=tools,target=/s --mount=type=tmpfs,target=/t \\
                            --mount=from=more,target=/m,rw \\
                            cat /c/file /s/file /m/file >/all; echo x >/t/x; echo x >/m/x; ! echo x >/c/x 2>/dev/null
                        """).context("more", context.resolve("other")));

        assertThat(run(image, "cat", "/all")).isEqualTo("of the contextof a stage\nof another");
        assertThat(run(image, "sh", "-c", "ls -d /c /s /t /m 2>/dev/null; true"))
                .isEmpty();
        assertThat(context.resolve("other/x")).doesNotExist();
    }

    @Test
    void scriptsRunByTheirOwnInterpreter() throws IOException {
        var image = build("""
                FROM busybox
                RUN <<EOF
                #!/bin/busybox ash
                echo "$0" >/name
                EOF
                """);

        assertThat(run(image, "cat", "/name")).isEqualTo("/dev/pipes/EOF\n");
    }

    @Test
    void theSameFilesGiveTheSameImageOnAnotherDay(@TempDir Path copy) throws IOException {
        write("a/b", "b");
        var dockerfile = "FROM busybox\nWORKDIR /w\nCOPY a /w/a\nADD a/b /w/\nADD a/b /etc/\n";
        var one = build(spec(dockerfile).arg("SOURCE_DATE_EPOCH", "1700000000"));
        Files.createDirectories(copy.resolve("a"));
        Files.writeString(copy.resolve("a/b"), "b");
        Files.setPosixFilePermissions(copy.resolve("a/b"), PosixFilePermissions.fromString("rw-r--r--"));
        Files.writeString(copy.resolve("Dockerfile"), dockerfile);
        var other = engine.images()
                .build(BuildSpec.of(copy).arg("SOURCE_DATE_EPOCH", "1700000000").withoutCache());

        assertThat(other.id()).isEqualTo(one.id());
        assertThat(one.config().created()).contains(Instant.ofEpochSecond(1700000000));
    }

    @Test
    void triggersOfTheBaseComeFirst() throws IOException {
        build(spec("FROM busybox\nONBUILD RUN echo triggered >/t\n").tag("trigger:1"));
        var image = build("FROM trigger:1\nRUN cat /t >/u\n");

        assertThat(run(image, "cat", "/u")).isEqualTo("triggered\n");
        assertThat(image.config().onBuild()).isEmpty();
    }

    @Test
    void stagesAreBuiltAtTheSameTime() throws IOException {
        var image = build("""
                FROM busybox AS one
                RUN --mount=type=cache,id=meet,target=/m touch /m/one; until [ -e /m/two ]; do sleep 0.01; done; echo 1 >/f
                FROM busybox AS two
                RUN --mount=type=cache,id=meet,target=/m touch /m/two; until [ -e /m/one ]; do sleep 0.01; done; echo 2 >/f
                FROM scratch
                COPY --from=one /f /one
                COPY --from=two /f /two
                """);

        assertThat(image.layers()).hasSize(2);
    }

    @Test
    void anInterruptEndsTheProgramAndLeavesNothing() throws Exception {
        var spec = spec("FROM busybox\nRUN echo begun; sleep 1000\n");
        var begun = new CountDownLatch(1);
        var failure = new AtomicReference<Throwable>();
        var thread = new Thread(() -> {
            try {
                engine.images().build(spec, event -> {
                    if (event instanceof BuildEvent.Output) {
                        begun.countDown();
                    }
                });
            } catch (RuntimeException e) {
                failure.set(e);
            }
        });
        thread.start();
        assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();
        thread.interrupt();
        thread.join(60_000);

        assertThat(failure.get()).isInstanceOf(CancelledException.class);
        assertThat(engine.containers().list()).isEmpty();
    }

    @Test
    void pruningTakesTheCacheAndLeavesTheImages() throws IOException {
        var image = build("FROM busybox\nRUN echo kept >/kept\n");
        build("FROM busybox\nRUN echo gone >/gone\n").remove();
        engine.images().pruneBuildCache(BuildPruneOptions.all());
        events.clear();

        assertThat(run(image, "cat", "/kept")).isEqualTo("kept\n");
        build("FROM busybox\nRUN echo gone >/gone\n");
        assertThat(carriedOut()).hasSize(1);
        assertThat(engine.images().verify()).isEmpty();
    }

    @Test
    void aTagThatIsNoneIsRefusedBeforeAnythingIsDone() throws IOException {
        var spec = spec("FROM busybox\nRUN true\n").tag("No Name");

        assertThatThrownBy(() -> build(spec)).isInstanceOf(InvalidSpecException.class);
        assertThat(events).isEmpty();
    }
}
