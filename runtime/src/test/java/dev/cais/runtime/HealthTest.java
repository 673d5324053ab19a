package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.CorruptContentException;
import dev.cais.Engine;
import dev.cais.Event;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.Health;
import dev.cais.HealthCheck;
import dev.cais.Ready;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.Predicate;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Health checks that really run. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class HealthTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final Duration OFTEN = Duration.ofMillis(50);
    private static Engine engine;

    @TempDir
    Path scratch;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static Container start(String script, HealthCheck check) {
        return engine.containers()
                .start(ContainerSpec.of("busybox")
                        .command("sh", "-c", script)
                        .name("web")
                        .health(check.interval(OFTEN)));
    }

    private static void awaitHealth(Container container, Predicate<Health> wanted) {
        container.awaitReady(
                one -> wanted.test(one.health()) ? Optional.empty() : Optional.of("its health is " + one.health()),
                LONG);
    }

    @Test
    void asManyFailuresInARowAsRetriesMakeItUnhealthyAndNoFewer() {
        var check = HealthCheck.shell(
                        "n=$(cat /tmp/n 2>/dev/null || echo 0); echo $((n+1)) >/tmp/n; case $n in 1|3|4) exit 1; esac")
                .retries(2);
        try (var web = start("sleep 600", check)) {
            Eventually.isTrue(() ->
                    Integer.parseInt("0" + web.exec("cat", "/tmp/n").stdout().strip()) > 6);

            Eventually.passes(() -> assertThat(
                            engine
                                    .events()
                                    .past(EventFilter.ALL.container(web.id()).action(EventAction.HEALTH_STATUS))
                                    .stream()
                                    .map(HealthTest::told))
                    .containsExactly("healthy", "unhealthy", "healthy"));
        }
    }

    @Test
    void aSuccessMakesItHealthyAndFailuresInARowUnhealthy() {
        var check =
                HealthCheck.shell("cat /tmp/state && ! grep -q bad /tmp/state").retries(2);
        // its program may begin late
        var patient = check.startPeriod(Duration.ofHours(1)).startInterval(OFTEN);
        try (var web = start("echo good >/tmp/new; mv /tmp/new /tmp/state; sleep 600", patient);
                var events = engine.events()
                        .follow(EventFilter.ALL
                                .container(web.id())
                                .action(EventAction.HEALTH_STATUS)
                                .since(web.created()))) {
            assertThat(web.health().status()).isIn(Health.Status.STARTING, Health.Status.HEALTHY);
            web.awaitReady(Ready.healthy(), LONG);
            assertThat(web.health().failingStreak()).isZero();
            var last = web.health().log().get(web.health().log().size() - 1);
            assertThat(last.exitCode()).isZero();
            assertThat(last.output()).isEqualTo("good\n");
            assertThat(last.duration()).isPositive();

            web.exec("sh", "-c", "echo bad >/tmp/state");
            awaitHealth(web, health -> health.status() == Health.Status.UNHEALTHY);
            assertThat(web.health().failingStreak()).isGreaterThanOrEqualTo(2);
            awaitHealth(web, health -> health.failingStreak() >= 7);
            assertThat(web.health().log()).hasSize(5).allSatisfy(result -> {
                assertThat(result.exitCode()).isEqualTo(1);
                assertThat(result.output()).isEqualTo("bad\n");
            });

            web.exec("sh", "-c", "echo good >/tmp/state");
            web.awaitReady(Ready.healthy(), LONG);
            assertThat(events.stream().limit(3).map(HealthTest::told))
                    .containsExactly("healthy", "unhealthy", "healthy");
        }
    }

    private static String told(Event event) {
        return event.attributes().getOrDefault("health", "");
    }

    @Test
    void failuresInTheStartPeriodDoNotCount() {
        var check = HealthCheck.exec("false").retries(1);
        try (var web =
                start("sleep 600", check.startPeriod(Duration.ofHours(1)).startInterval(Duration.ofMillis(20)))) {
            awaitHealth(web, health -> health.log().size() == 5);

            assertThat(web.health().status()).isEqualTo(Health.Status.STARTING);
            assertThat(web.health().failingStreak()).isZero();
            assertThatThrownBy(() -> web.awaitReady(Ready.healthy(), Duration.ofMillis(100)))
                    .hasMessage(
                            "cannot wait for container web to be ready: after PT0.1S, its health is starting [log=[]];"
                                    + " see its log, or wait longer");
        }
    }

    @Test
    void aCheckThatTakesTooLongIsKilledAndFails() {
        try (var web = start(
                "sleep 600",
                HealthCheck.exec("sleep", "600").timeout(Duration.ofMillis(100)).retries(2))) {
            awaitHealth(web, health -> health.status() == Health.Status.UNHEALTHY);

            var result = web.health().log().get(0);
            assertThat(result.exitCode()).isEqualTo(Health.NOT_DONE);
            assertThat(result.output()).isEqualTo("the check took longer than PT0.1S and was killed");
        }
    }

    @Test
    void aCheckThatCannotBeStartedFails() {
        try (var web = start("sleep 600", HealthCheck.exec("/no/such/program").retries(1))) {
            awaitHealth(web, health -> health.status() == Health.Status.UNHEALTHY);

            assertThat(web.health().log().get(0).exitCode()).isEqualTo(Health.NOT_DONE);
            assertThat(web.health().log().get(0).output())
                    .startsWith("cannot exec in web: ")
                    .contains("/no/such/program");
        }
    }

    @Test
    void theOutputOfACheckIsCut() {
        try (var web = start("sleep 600", HealthCheck.shell("echo oops >&2; yes | head -c 100000"))) {
            web.awaitReady(Ready.healthy(), LONG);

            assertThat(web.health().log().get(0).output()).hasSize(4096).startsWith("y\ny\n");
        }
    }

    @Test
    void aPausedContainerIsNotChecked() {
        try (var web = start("sleep 600", HealthCheck.shell("echo x >>/tmp/checks"))) {
            web.awaitReady(Ready.healthy(), LONG);
            web.pause();
            awaitChecksOfAnother(); // what had ended before the pause is known by then
            var before = web.health();
            awaitChecksOfAnother();
            assertThat(web.health()).isEqualTo(before);
            assertThat(before.status()).isEqualTo(Health.Status.HEALTHY);
            assertThat(before.log())
                    .allSatisfy(result -> assertThat(result.success()).isTrue());

            var resumed = Instant.now();
            web.unpause();
            awaitHealth(
                    web,
                    health -> health.log().get(health.log().size() - 1).start().isAfter(resumed));
        }
    }

    /** As many as are kept: they tell that time has passed. */
    private static void awaitChecksOfAnother() {
        try (var other = engine.containers()
                .start(ContainerSpec.of("busybox")
                        .command("sleep", "600")
                        .health(HealthCheck.exec("true").interval(OFTEN)))) {
            awaitHealth(other, health -> health.log().size() == 5);
        }
    }

    @Test
    void checksEndWithTheirContainerAndBeginAgainWithIt() {
        try (var web = start("sleep 600", HealthCheck.exec("true"))) {
            web.awaitReady(Ready.healthy(), LONG);
            web.kill("KILL");
            web.await();

            assertThat(web.health().status()).isEqualTo(Health.Status.UNHEALTHY);
            web.start();
            web.awaitReady(Ready.healthy(), LONG);
            assertThat(web.health().failingStreak()).isZero();
        }
    }

    @Test
    void oneWithoutACheckHasNoHealth() {
        try (var web = engine.containers()
                .start(ContainerSpec.of("busybox").command("sleep", "600").name("web"))) {
            assertThat(web.health()).isEqualTo(Health.NONE);
            assertThatThrownBy(() -> web.awaitReady(Ready.healthy(), LONG))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot wait for container web to be healthy: it has no health check; add"
                            + " health(HealthCheck…) to its spec");
        }
    }

    @Test
    void theImagesCheckIsUsedUnlessTheSpecSaysOtherwise() throws Exception {
        load("checked", """
            {"Test":["CMD-SHELL","test $0 = shell && echo by image"],"Interval":50000000,"Retries":2}\
            """);
        var spec = ContainerSpec.of("checked").command("sleep", "600").name("web");
        try (var web = engine.containers().start(spec)) {
            web.awaitReady(Ready.healthy(), LONG);
            assertThat(web.health().log().get(0).output()).isEqualTo("by image\n");
        }
        try (var web = engine.containers().start(spec.health(HealthCheck.NONE))) {
            assertThat(web.health()).isEqualTo(Health.NONE);
        }
        try (var web = engine.containers()
                .start(spec.health(HealthCheck.exec("echo", "by spec").interval(OFTEN)))) {
            web.awaitReady(Ready.healthy(), LONG);
            assertThat(web.health().log().get(0).output()).isEqualTo("by spec\n");
        }
    }

    @Test
    void anImageWithACheckOfAnotherKindIsRefused() {
        assertThatThrownBy(() -> load("odd", """
            {"Test":["HTTP","/health"]}\
            """))
                .isInstanceOf(CorruptContentException.class)
                .hasMessageEndingWith("field config.Healthcheck.Test[0] is HTTP, not NONE, CMD or CMD-SHELL");
    }

    /** Busybox with a health check and a shell of its own. */
    private void load(String name, String healthcheck) throws Exception {
        var layer = Files.readAllBytes(TestImages.busyboxRootfs());
        var config = """
            {"architecture":"%s","os":"linux","config":{"Cmd":["sh"],"Shell":["/bin/sh","-c","eval \\"$1\\"","shell"],\
            "Healthcheck":%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}\
            """.formatted(dev.cais.Platform.host().architecture(), healthcheck, sha256(layer));
        var archive = new TarWriter()
                .file("layer.tar", 0644, layer)
                .file("config.json", 0644, config)
                .file("manifest.json", 0644, """
                    [{"Config":"config.json","RepoTags":["%s:latest"],"Layers":["layer.tar"]}]\
                    """.formatted(name));
        engine.images().load(Files.write(scratch.resolve(name + ".tar"), archive.bytes()));
    }

    private static String sha256(byte[] content) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    }
}
