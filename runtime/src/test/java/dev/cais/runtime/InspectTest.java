package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Container;
import dev.cais.ContainerFilter;
import dev.cais.ContainerSpec;
import dev.cais.ContainerState;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.Event;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.Health;
import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
import dev.cais.LogConfig;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.Ready;
import dev.cais.RestartPolicy;
import dev.cais.WaitCondition;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is told of a container, and how one is found among many. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class InspectTest {
    private Engine engine;

    @BeforeEach
    void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    @Test
    void everythingIsToldAtEachStep() {
        var spec = sh("exit 3")
                .name("web")
                .env("A", "1")
                .user("1000:1001")
                .workdir("/tmp")
                .hostname("webhost")
                .label("k", "v")
                .stopSignal("QUIT")
                .mount(Mount.tmpfs("/scratch"));
        try (var container = engine.containers().create(spec)) {
            var created = container.inspect();
            assertThat(created.id()).isEqualTo(container.id());
            assertThat(created.state().status()).isEqualTo(ContainerState.CREATED);
            assertThat(created.state().pid()).isEmpty();
            assertThat(created.state().exit()).isEmpty();
            assertThat(created.state().startedAt()).isEmpty();
            assertThat(created.command()).containsExactly("sh", "-c", "exit 3");
            assertThat(created.env()).containsEntry("A", "1").containsEntry("HOSTNAME", "webhost");
            assertThat(created.user()).isEqualTo("1000:1001");
            assertThat(created.workdir()).isEqualTo("/tmp");
            assertThat(created.stopSignal()).isEqualTo("SIGQUIT");
            assertThat(created.hostname()).isEqualTo("webhost");
            assertThat(created.labels()).containsEntry("k", "v");
            assertThat(created.mounts()).extracting("target").containsExactly("/scratch");
            assertThat(created.health()).isEqualTo(Health.NONE);
            assertThat(created.log().driver()).isEqualTo("local");
            assertThat(created.upper()).isDirectory();
            assertThat(created.spec()).isEqualTo(container.spec());
            assertThat(created).hasToString("ContainerInfo[web, created, busybox, [sh, -c, exit 3]]");

            container.start();
            container.await();
            var ended = container.inspect().state();
            assertThat(ended.status()).isEqualTo(ContainerState.EXITED);
            assertThat(ended.exit().orElseThrow().exitCode()).isEqualTo(3);
            assertThat(ended.error()).isEmpty();
            assertThat(ended.startedAt()).contains(container.startedAt());
            assertThat(ended.finishedAt().orElseThrow()).isAfterOrEqualTo(container.startedAt());
            assertThat(ended).hasToString("exited, exit 3");
            assertThat(created.state().status()).isEqualTo(ContainerState.CREATED);
        }
    }

    @Test
    void theNextRunKeepsTheEndOfTheLastOne() {
        try (var container = engine.containers().start(sh("sleep 600"))) {
            assertThat(container.inspect().state().pid()).hasValue(container.pid());
            container.kill("KILL");
            container.await();
            var ended = container.finishedAt();
            container.start();

            var running = container.inspect().state();
            assertThat(running.status()).isEqualTo(ContainerState.RUNNING);
            assertThat(running.exit().orElseThrow().signal()).contains("SIGKILL");
            assertThat(running.finishedAt()).isEqualTo(ended);
            assertThat(running).hasToString("running, pid " + container.pid());
        }
    }

    @Test
    void whyAStartFailedIsToldUntilOneSucceeds() {
        try (var container = engine.containers()
                .create(ContainerSpec.of("busybox").name("late").command("/late.sh"))) {
            assertThatThrownBy(container::start).isInstanceOf(NotFoundException.class);
            var failed = container.inspect().state();
            assertThat(failed.status()).isEqualTo(ContainerState.CREATED);
            assertThat(failed.error()).startsWith("cannot start late: ").contains("/late.sh");

            container.copyIn(
                    CopySource.of("#!/bin/sh\nexit 0\n".getBytes(StandardCharsets.UTF_8))
                            .mode(0755),
                    "/late.sh");
            container.start();
            container.await();
            assertThat(container.inspect().state().error()).isEmpty();
        }
    }

    @Test
    void restartsOfThePolicyAreCounted() {
        try (var container = engine.containers().start(sh("exit 1").restart(RestartPolicy.onFailure(2)))) {
            container.await(WaitCondition.NOT_RUNNING, Duration.ofSeconds(60));
            assertThat(container.restartCount()).isEqualTo(2);
            container.stop();
            assertThat(container.inspect().state().status()).isEqualTo(ContainerState.EXITED);
        }
    }

    private List<String> names(ContainerFilter filter) {
        return engine.containers().list(filter).stream().map(Container::name).toList();
    }

    @Test
    void containersAreFoundByAllThatIsKnownOfThem() {
        var all = ContainerFilter.ALL;
        var data = engine.volumes().create("data");
        var first = engine.containers()
                .create(sh("exit 4").name("first").label("tier", "db").label("x", ""));
        var second = engine.containers()
                .start(sh("sleep 600").name("second").label("tier", "web").mount(data, "/var/data"));
        try (first;
                second) {
            first.commit("derived");
            try (var third = engine.containers()
                    .start(ContainerSpec.of("derived")
                            .name("third")
                            .command("sleep", "600")
                            .health(HealthCheck.exec("true").interval(Duration.ofMillis(50))))) {
                third.awaitReady(Ready.healthy(), Duration.ofSeconds(60));
                first.start();
                first.await();

                assertThat(names(all)).containsExactly("first", "second", "third");
                assertThat(names(all.name("ir"))).containsExactly("first", "third");
                assertThat(names(all.name("first").name("second"))).containsExactly("first", "second");
                assertThat(names(all.id(second.id().substring(0, 20)))).containsExactly("second");
                assertThat(names(all.label("x"))).containsExactly("first", "third"); // of its image
                assertThat(names(all.label("tier", "web"))).containsExactly("second");
                assertThat(names(all.label("tier", "db").label("y"))).isEmpty();
                assertThat(names(all.state(ContainerState.EXITED))).containsExactly("first");
                assertThat(names(all.state(ContainerState.RUNNING).name("sec"))).containsExactly("second");
                assertThat(names(all.image("derived"))).containsExactly("third");
                assertThat(names(all.image(first.image().id().toString()))).contains("first", "second");
                assertThat(names(all.image("nowhere"))).isEmpty();
                assertThat(names(all.health(Health.Status.HEALTHY))).containsExactly("third");
                assertThat(names(all.exitCode(4))).containsExactly("first");
                assertThat(names(all.exitCode(0))).isEmpty();
                assertThat(names(all.volume("data"))).containsExactly("second");
                assertThat(names(all.volume("/var/data"))).containsExactly("second");
                assertThat(names(all.before("second"))).containsExactly("first");
                assertThat(names(all.since(second.id()))).containsExactly("third");
                assertThat(names(all.since("first").before("third"))).containsExactly("second");
            }
        }
    }

    @Test
    void aContainerOfAnImageBuiltOnAnotherHasBothForAncestors() {
        try (var base = engine.containers().start(sh("echo x >/x").name("base"))) {
            base.await();
            base.commit("derived");
            try (var child =
                    engine.containers().create(ContainerSpec.of("derived").name("child"))) {
                assertThat(names(ContainerFilter.ALL.image("busybox"))).containsExactly("base", "child");
                assertThat(names(ContainerFilter.ALL.image("derived"))).containsExactly("child");
                assertThat(child.logs().status().driver()).isEqualTo(LogConfig.LOCAL.driver());
            }
        }
    }

    @Test
    @RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
    void networksAndPortsAreToldAndFound() {
        try (var net = engine.networks().create("inspected");
                var on = engine.containers()
                        .start(sh("sleep 600").name("on").join(net).publish(80));
                var off = engine.containers().create(sh("true").name("off").hostNetwork())) {
            assertThat(on.inspect().endpoints()).isEqualTo(on.endpoints()).hasSize(1);
            assertThat(on.inspect().ports()).isEqualTo(on.ports()).hasSize(1);
            assertThat(off.inspect().endpoints()).isEmpty();
            assertThat(names(ContainerFilter.ALL.network("inspected"))).containsExactly("on");
            assertThat(names(ContainerFilter.ALL.network(net.id()))).containsExactly("on");
            assertThat(names(ContainerFilter.ALL.network("host"))).containsExactly("off");
            assertThat(names(ContainerFilter.ALL.network("nowhere"))).isEmpty();
            assertThat(engine.events().past(EventFilter.ALL.network("inspected").container(on.id())))
                    .extracting(Event::action)
                    .containsExactly(EventAction.CONNECT);
            assertThat(engine.events().past(EventFilter.ALL.network(net.id())))
                    .extracting(Event::action)
                    .containsExactly(EventAction.CREATE, EventAction.CONNECT);
        }
    }

    @Test
    void aFilterSaysWhatIsWrongWithIt() {
        assertThatThrownBy(() -> ContainerFilter.ALL.label(""))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot filter containers by a label: it has no key");
        assertThatThrownBy(() -> names(ContainerFilter.ALL.before("none")))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot find container none: this engine has none of that name or id [containers=[]]");
    }

    /** With 17 ids, two begin with the same digit. */
    @Test
    void aPrefixOfSeveralIdsIsRefused() {
        var containers = new ArrayList<Container>();
        for (var i = 0; i < 17; i++) {
            containers.add(engine.containers().create(sh("true").name("c" + i)));
        }
        var prefix = "0123456789abcdef"
                .chars()
                .mapToObj(digit -> String.valueOf((char) digit))
                .filter(digit -> ids(containers, digit).size() > 1)
                .findFirst()
                .orElseThrow();
        assertThatThrownBy(() -> engine.containers().get(prefix))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot find container " + prefix + ": several ids begin with it [containers="
                        + ids(containers, prefix) + "]; write more of the id");
        assertThat(engine.containers().find("c3")).isEqualTo(Optional.of(containers.get(3)));
        assertThat(engine.containers().find(containers.get(3).id().substring(0, 32)))
                .contains(containers.get(3));
        containers.forEach(Container::close);
    }

    private static List<String> ids(List<Container> containers, String prefix) {
        return containers.stream()
                .map(Container::id)
                .filter(id -> id.startsWith(prefix))
                .sorted()
                .toList();
    }
}
