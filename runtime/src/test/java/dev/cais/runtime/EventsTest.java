package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.CommitOptions;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.Event;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.EventListener;
import dev.cais.EventType;
import dev.cais.Events;
import dev.cais.ExecSpec;
import dev.cais.HealthCheck;
import dev.cais.InvalidSpecException;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.PruneOptions;
import dev.cais.Ready;
import dev.cais.Resources;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an engine tells of what happens in it, and to whom. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class EventsTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script);
    }

    private static List<String> words(List<Event> events) {
        return events.stream().map(event -> event.action().word()).toList();
    }

    private static List<Event> past(String container) {
        return engine.events().past(EventFilter.ALL.container(container));
    }

    private static void awaitLines(Container container, int count) {
        Eventually.isTrue(() -> container.logs().lines().count() >= count);
    }

    @Test
    void eachStepOfALifeIsTold() throws InterruptedException {
        var spec = sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done")
                .name("life")
                .stopTimeout(Duration.ofSeconds(60));
        var container = engine.containers().create(spec.label("a", "b"));
        container.start();
        awaitLines(container, 1);
        container.pause();
        container.unpause();
        container.rename("death");
        container.kill("CHLD");
        container.restart();
        awaitLines(container, 2);
        container.stop();
        container.close();

        var events = past(container.id());
        assertThat(words(events))
                .containsExactly(
                        "create", "start", "pause", "unpause", "rename", "kill", "kill", "die", "stop", "start",
                        "restart", "kill", "die", "stop", "destroy");
        assertThat(events).allSatisfy(event -> {
            assertThat(event.type()).isEqualTo(EventType.CONTAINER);
            assertThat(event.id()).isEqualTo(container.id());
            assertThat(event.attributes()).containsEntry("image", "busybox").containsEntry("a", "b");
        });
        assertThat(events).isSortedAccordingTo(java.util.Comparator.comparing(Event::time));
        assertThat(events.get(0).name()).isEqualTo("life");
        assertThat(events.get(4).attributes()).containsEntry("oldName", "life").containsEntry("name", "death");
        assertThat(events.get(5).attributes()).containsEntry("signal", "17");
        assertThat(events.get(6).attributes()).containsEntry("signal", "15");
        assertThat(events.get(7).exitCode()).hasValue(7);
        assertThat(events.get(14).exitCode()).isEmpty();
        assertThat(events.get(7))
                .hasToString(events.get(7).time() + " container die " + container.id()
                        + " (a=b, exitCode=7, image=busybox, name=death)");
    }

    @Test
    void whatIsDoneWithAContainerIsTold(@TempDir Path host) throws Exception {
        try (var container = engine.containers()
                .start(ContainerSpec.of("busybox")
                        .name("busy")
                        .command("sh", "-c", "sleep 600")
                        .tty()
                        .openStdin())) {
            container.exec("sh", "-c", "exit 5");
            try (var exec = container.startExec(ExecSpec.of("sleep", "600"))) {
                exec.kill("KILL");
                exec.await();
            }
            try (var attachment = container.attach()) {
                attachment.resize(100, 30);
            }
            container.top();
            container.update(Resources.UNLIMITED.pids(50));
            container.copyIn(CopySource.of(new byte[] {1}), "/one");
            container.copyOut("/one", host.resolve("one"));
            container.export(OutputStream.nullOutputStream());
            container.commit("busy-image", CommitOptions.DEFAULT.message("as it is"));
            container.kill("KILL");
            container.await();
        }

        var events = past("busy");
        assertThat(words(events))
                .containsExactly(
                        "create",
                        "start",
                        "exec_create",
                        "exec_start",
                        "exec_die",
                        "exec_create",
                        "exec_start",
                        "exec_die",
                        "attach",
                        "resize",
                        "detach",
                        "top",
                        "update",
                        "extract-to-dir",
                        "archive-path",
                        "export",
                        "commit",
                        "kill",
                        "die",
                        "destroy");
        assertThat(events.get(2).attributes()).containsEntry("command", "sh -c exit 5");
        assertThat(events.get(4).exitCode()).hasValue(5);
        assertThat(events.get(4).attributes())
                .containsEntry("execID", events.get(2).attributes().get("execID"));
        assertThat(events.get(7).attributes()).containsEntry("signal", "SIGKILL");
        assertThat(events.get(7).attributes().get("execID"))
                .isNotEqualTo(events.get(4).attributes().get("execID"));
        assertThat(events.get(9).attributes()).containsEntry("width", "100").containsEntry("height", "30");
        assertThat(events.get(13).attributes()).containsEntry("path", "/one");
        assertThat(events.get(16).attributes())
                .containsEntry("imageRef", "busy-image")
                .containsEntry("comment", "as it is")
                .containsEntry("imageID", engine.images().get("busy-image").id().toString());
        engine.images().remove("busy-image");
    }

    @Test
    void anExecThatIsLeftRunningIsTold() {
        try (var container = engine.containers().start(sh("sleep 600").name("left"))) {
            var exec = container.startExec(ExecSpec.of("sleep", "600"));
            exec.detach();
            exec.kill("KILL");
            exec.await();
            exec.close();
            var events = past("left");
            assertThat(words(events))
                    .containsExactly("create", "start", "exec_create", "exec_start", "exec_detach", "exec_die");
            assertThat(events.get(4).attributes())
                    .containsEntry("execID", events.get(2).attributes().get("execID"))
                    .containsEntry("command", "sleep 600");
        }
    }

    @Test
    void aStopThatHasToKillTellsOfBothSignals() throws InterruptedException {
        var script = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
        try (var container = engine.containers().start(sh(script).name("deaf").withInit())) {
            awaitLines(container, 1);
            container.stop(Duration.ofMillis(50));
            var events = past("deaf");
            assertThat(words(events)).containsExactly("create", "start", "kill", "kill", "die", "stop");
            assertThat(events.get(2).attributes()).containsEntry("signal", "15");
            assertThat(events.get(3).attributes()).containsEntry("signal", "9");
        }
    }

    @Test
    void healthChecksAreNotToldButWhatTheyFind() {
        try (var container = engine.containers()
                .start(sh("sleep 600")
                        .name("checked")
                        .health(HealthCheck.exec("true").interval(Duration.ofMillis(20))))) {
            container.awaitReady(Ready.healthy(), Duration.ofSeconds(60));
        }
        assertThat(words(past("checked"))).containsExactly("create", "start", "health_status", "die", "destroy");
    }

    @Test
    void whatIsDoneWithVolumesIsTold() {
        var since = Instant.now();
        var container = engine.containers()
                .create(sh("exit 0")
                        .name("keeper")
                        .mount(Mount.volume("/anonymous"))
                        .mount(Mount.volume("told", "/named")));
        container.start();
        container.await();
        container.close();
        engine.volumes().create("told");
        engine.volumes().remove("told");
        engine.volumes().create("labelled", Map.of("a", "b"));
        assertThat(engine.volumes().pruneAll()).containsExactly("labelled");

        var volumes = EventFilter.ALL.type(EventType.VOLUME).since(since);
        var anonymous = container.mounts().get(0).volume();
        assertThat(words(engine.events().past(volumes.volume("told"))))
                .containsExactly("create", "mount", "unmount", "destroy");
        assertThat(words(engine.events().past(volumes.volume(anonymous))))
                .containsExactly("create", "mount", "unmount", "destroy");
        assertThat(engine.events().past(volumes.label("a=b"))).singleElement().satisfies(event -> {
            assertThat(event.action()).isEqualTo(EventAction.CREATE);
            assertThat(event.name()).isEqualTo("labelled");
        });
        assertThat(words(engine.events().past(volumes.action(EventAction.PRUNE))))
                .hasSize(1);
        assertThat(engine.events().past(volumes.volume("told").container("keeper")))
                .isEmpty();
        assertThat(engine.events().past(volumes.volume("told").container(container.id())))
                .allSatisfy(event -> assertThat(event.attributes())
                        .containsEntry("destination", "/named")
                        .containsEntry("container", container.id()))
                .hasSize(2);
        assertThat(words(past(container.id())))
                .containsExactly("create", "mount", "mount", "start", "die", "unmount", "unmount", "destroy");
    }

    @Test
    void whatIsDoneWithImagesIsTold(@TempDir Path host) {
        var since = Instant.now();
        var images = engine.images();
        var id = images.get("busybox").id().toString();
        images.tag("busybox", "told:1");
        images.save(host.resolve("told.tar"), "told:1");
        images.untag("told:1");
        images.load(host.resolve("told.tar"));
        images.remove("told:1");
        assertThatThrownBy(() -> images.tag("told:1", "told:2")).isInstanceOf(NotFoundException.class);
        try (var container = engine.containers().create(sh("true"))) {
            container.export(host.resolve("root.tar"));
        }
        var imported = images.importRootfs(host.resolve("root.tar"), "imported");
        images.remove("imported");
        assertThat(images.prune(PruneOptions.dangling()).images()).isEmpty();

        var told = engine.events().past(EventFilter.ALL.type(EventType.IMAGE).since(since));
        assertThat(words(told))
                .containsExactly("tag", "save", "untag", "load", "untag", "import", "untag", "delete", "prune");
        assertThat(told.subList(0, 5)).allSatisfy(event -> {
            assertThat(event.id()).isEqualTo(id);
        });
        assertThat(told.get(0).name()).isEqualTo("told:1");
        assertThat(told.get(7).id()).isEqualTo(imported.id().toString());
        assertThat(told.get(7).name()).isEqualTo("imported:latest");
        assertThat(told.get(8).attributes()).containsEntry("reclaimed", "0");
        assertThat(words(engine.events().past(EventFilter.ALL.image("told:1").since(since))))
                .containsExactly("tag", "save", "untag", "untag");
    }

    @Test
    void theSignalAndTheWantOfMemoryAreTold() {
        engine.containers()
                .run(ContainerSpec.of("busybox")
                        .name("hungry")
                        .command("tail", "/dev/zero")
                        .memory(ByteSize.mib(16)));

        var events = past("hungry");
        assertThat(words(events)).containsExactly("create", "start", "oom", "die", "destroy");
        assertThat(events.get(3).attributes()).containsEntry("signal", "SIGKILL");
        assertThat(events.get(3).exitCode()).hasValue(137);
    }

    @Test
    void whoAwaitsAnEndFindsItTold() {
        for (var i = 0; i < 20; i++) {
            try (var container = engine.containers().start(sh("exit 1"))) {
                container.await();
                assertThat(words(past(container.id()))).containsExactly("create", "start", "die");
            }
        }
    }

    @Test
    void aFollowerGetsThePastAndWhatComes() {
        try (var container = engine.containers().create(sh("exit 1"));
                var stream = engine.events()
                        .follow(EventFilter.ALL.container(container.id()).since(container.created()))) {
            container.start();
            container.await();

            assertThat(stream.stream().limit(3).map(Event::action))
                    .containsExactly(EventAction.CREATE, EventAction.START, EventAction.DIE);
            assertThat(stream.next(Duration.ofMillis(1))).isEmpty();
        }
    }

    @Test
    void aListenerIsCalledInOrder() throws InterruptedException {
        var heard = new LinkedBlockingQueue<EventAction>();
        try (var container = engine.containers().create(sh("exit 1"));
                var listening = engine.events()
                        .listen(EventFilter.ALL.container(container.id()), event -> heard.add(event.action()))) {
            container.start();
            assertThat(heard.poll(60, TimeUnit.SECONDS)).isEqualTo(EventAction.START);
            assertThat(heard.poll(60, TimeUnit.SECONDS)).isEqualTo(EventAction.DIE);
            listening.close();
            assertThat(listening.missed()).isZero();
        }
        assertThat(heard).isEmpty();
    }

    @Test
    void aListenerMayUseTheEngine() throws Exception {
        var output = new CompletableFuture<String>();
        var filter = EventFilter.ALL.container("first").action(EventAction.DIE);
        try (var listening = engine.events()
                .listen(
                        filter,
                        event -> output.complete(
                                engine.containers().run(sh("echo next")).stdout()))) {
            engine.containers().run(sh("true").name("first"));

            assertThat(output.get(60, TimeUnit.SECONDS)).isEqualTo("next\n");
            assertThat(listening.missed()).isZero();
        }
    }

    @Test
    void aFollowerSeesTheEndOfItsEngine(TestStore store) {
        var other = store.openEngineWithBusybox();
        other.containers().create(sh("true"));
        try (var stream = other.events().follow(EventFilter.ALL)) {
            other.close();

            assertThat(stream.stream().map(Event::action)).containsExactly(EventAction.DESTROY);
            assertThat(other.events().follow(EventFilter.ALL).next()).isEmpty();
        }
    }

    @Test
    void aFollowersWaitIsCancelled() throws Exception {
        try (var stream = engine.events().follow(EventFilter.ALL.container("nobody"))) {
            var thrown = new CompletableFuture<Throwable>();
            var thread = new Thread(() -> {
                try {
                    stream.next();
                } catch (CancelledException e) {
                    thrown.complete(e);
                }
            });
            thread.start();
            thread.interrupt();

            assertThat(thrown.get(60, TimeUnit.SECONDS))
                    .hasMessage("cannot go on waiting for events: the thread was interrupted");
        }
    }

    @Test
    void closingAStreamEndsAWait() throws Exception {
        var stream = engine.events().follow(EventFilter.ALL.container("nobody"));
        var last = CompletableFuture.supplyAsync(stream::next);
        stream.close();

        assertThat(last.get(60, TimeUnit.SECONDS)).isEmpty();
    }

    // ---- without containers

    private static void tell(LocalEvents events, int number) {
        events.tell(EventType.VOLUME, EventAction.CREATE, String.valueOf(number), Map.of("name", "v" + number));
    }

    @Test
    void aSlowFollowerIsToldHowManyItMissed() {
        var events = new LocalEvents(Runnable::run);
        try (var stream = events.follow(EventFilter.ALL)) {
            for (var i = 0; i < Events.QUEUE + 5; i++) {
                tell(events, i);
            }
            assertThat(stream.missed()).isEqualTo(5);
            assertThat(stream.next().map(Event::id)).contains("5");
        }
    }

    @Test
    void aSlowListenerIsToldHowManyItMissed() {
        var later = new ArrayDeque<Runnable>();
        var events = new LocalEvents(later::add);
        var heard = new ArrayList<String>();
        try (var listening = events.listen(EventFilter.ALL, new EventListener() {
            @Override
            public void event(Event event) {
                heard.add(event.id());
                if (event.id().equals("6")) {
                    throw new IllegalStateException("a listener's own trouble");
                }
            }

            @Override
            public void missed(long count) {
                heard.add("missed " + count);
            }
        })) {
            for (var i = 0; i < Events.QUEUE + 5; i++) {
                tell(events, i);
            }
            assertThat(later).hasSize(1);
            later.remove().run();

            assertThat(heard).hasSize(Events.QUEUE + 1).startsWith("missed 5", "5", "6", "7");
            assertThat(listening.missed()).isEqualTo(5);
        }
    }

    @Test
    void aListenerThatIsStuckHoldsUpNobody() throws InterruptedException {
        var stuck = new CountDownLatch(1);
        var begun = new CountDownLatch(1);
        try (var slow = engine.events().listen(EventFilter.ALL, event -> {
                    begun.countDown();
                    try {
                        stuck.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                });
                var quick = engine.events().follow(EventFilter.ALL.container("quick"))) {
            engine.containers().run(sh("true").name("quick"));
            assertThat(begun.await(60, TimeUnit.SECONDS)).isTrue();

            assertThat(quick.stream().limit(4).map(event -> event.action().word()))
                    .containsExactly("create", "start", "die", "destroy");
            assertThat(slow.missed()).isZero();
        } finally {
            stuck.countDown();
        }
    }

    @Test
    void thePastIsBounded() {
        var events = new LocalEvents(Runnable::run);
        for (var i = 0; i < Events.MEMORY + 3; i++) {
            tell(events, i);
        }
        assertThat(events.past(EventFilter.ALL))
                .hasSize(Events.MEMORY)
                .first()
                .extracting(Event::id)
                .isEqualTo("3");
    }

    @Test
    void filtersFitByAllKinds() {
        var event = new Event(
                Instant.ofEpochSecond(100),
                EventType.CONTAINER,
                EventAction.DIE,
                "4f5a1c",
                Map.of("name", "web", "image", "busybox", "tier", "front"));
        var image = new Event(
                Instant.ofEpochSecond(100),
                EventType.IMAGE,
                EventAction.CREATE,
                "sha256:12",
                Map.of("name", "busybox:1"));
        var all = EventFilter.ALL;

        assertThat(all.matches(event)).isTrue();
        assertThat(all.type(EventType.IMAGE).matches(event)).isFalse();
        assertThat(all.type(EventType.IMAGE).type(EventType.CONTAINER).matches(event))
                .isTrue();
        assertThat(all.action(EventAction.DIE).container("web").matches(event)).isTrue();
        assertThat(all.action(EventAction.START).container("web").matches(event))
                .isFalse();
        assertThat(all.container("4f5").matches(event)).isTrue();
        assertThat(all.container("").matches(event)).isFalse();
        assertThat(all.container("we").matches(event)).isFalse();
        assertThat(all.container("we").container("web").matches(event)).isTrue();
        assertThat(all.container("busybox:1").matches(image)).isFalse();
        assertThat(all.image("busybox").matches(event)).isTrue();
        assertThat(all.image("busybox:1").matches(image)).isTrue();
        assertThat(all.image("sha256:12").matches(image)).isTrue();
        assertThat(all.label("tier").matches(event)).isTrue();
        assertThat(all.label("tier=front").label("tier2").matches(event)).isFalse();
        assertThat(all.label("tier=back").matches(event)).isFalse();
        assertThat(all.since(Instant.ofEpochSecond(100)).matches(event)).isTrue();
        assertThat(all.until(Instant.ofEpochSecond(100)).matches(event)).isFalse();
        assertThatThrownBy(() -> all.label("=x"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot filter events by a label: it has no key");
    }

    @Test
    void aFollowerUntilATimeEndsThen() {
        var events = new LocalEvents(Runnable::run);
        try (var stream = events.follow(EventFilter.ALL.until(Instant.now().plusMillis(20)))) {
            assertThat(stream.next()).isEqualTo(Optional.empty());
        }
        try (var endless = events.follow(EventFilter.ALL.until(Instant.MAX))) {
            tell(events, 1);
            assertThat(endless.next()).isPresent();
        }
    }
}
