package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.CancelledException;
import dev.cais.Container;
import dev.cais.ContainerProcess;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.ExecSpec;
import dev.cais.InvalidSpecException;
import dev.cais.NamespaceMode;
import dev.cais.NotFoundException;
import dev.cais.TimedOutException;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Processes beside the first one: as whom, with what rights, and that none is left of one that is ended. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ExecTest {
    /** A child, one in a session of its own, and an orphan of that. */
    private static final String TREE =
            "sleep 1001 & setsid sleep 1002 & (setsid sh -c 'sleep 1003 & sleep 1004' &) ; sleep 1005";

    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static Container start() {
        return engine.containers().start(ContainerSpec.of("busybox").command("sleep", "1000"));
    }

    private static void awaitProcesses(Container container, String... commands) {
        Eventually.passes(() -> assertThat(container.top())
                .extracting(ContainerProcess::command)
                .contains(commands));
    }

    private static void awaitTree(Container container) {
        awaitProcesses(container, "sleep 1001", "sleep 1002", "sleep 1003", "sleep 1004", "sleep 1005");
    }

    @Test
    void itRunsAsWhoeverIsNamed() {
        try (var container = engine.containers()
                .start(ContainerSpec.of("busybox").groupAdd("4711").command("sleep", "1000"))) {
            var id = ExecSpec.of("sh", "-c", "id -u; id -g; id -G; pwd; echo $HOME $A");

            assertThat(container.exec(id).stdout()).isEqualTo("0\n0\n0 4711\n/\n/root\n");
            assertThat(container
                            .exec(id.user("guest").env("A", "b").workdir("/tmp"))
                            .stdout())
                    .isEqualTo("1000\n1000\n1000 29 44 4711\n/tmp\n/home/guest b\n");
            assertThat(container.exec(id.user("1:2").groupAdd("audio", "99")).stdout())
                    .startsWith("1\n2\n2 29 99 4711\n");
            assertThat(container.exec(id.groupAdd("video")).stdout()).startsWith("0\n0\n0 44 4711\n");
            assertThatThrownBy(() -> container.exec(id.groupAdd("nobodies")))
                    .isInstanceOf(NotFoundException.class)
                    .hasMessageStartingWith("cannot run as a member of nobodies: the image has no group nobodies");
        }
    }

    @Test
    void aPrivilegedOneMayDoMoreThanItsContainer() {
        try (var container = start()) {
            var mount =
                    ExecSpec.of("sh", "-c", "mount -t tmpfs x /tmp && echo mounted; grep Seccomp: /proc/self/status");

            assertThat(container.exec(mount).stdout()).isEqualTo("Seccomp:\t2\n");
            assertThat(container.exec(mount.asPrivileged()).stdout()).isEqualTo("mounted\nSeccomp:\t0\n");
        }
    }

    @Test
    void oneThatTakesTooLongIsKilledWithAllThatItBegan() throws InterruptedException {
        try (var container = start()) {
            assertThatThrownBy(
                            () -> container.exec(ExecSpec.of("sh", "-c", TREE).timeout(Duration.ofMillis(300))))
                    .isInstanceOf(TimedOutException.class)
                    .hasMessage("cannot finish exec of sh in container " + container.name()
                            + ": it still ran after PT0.3S and was killed; give it more time");

            assertThat(container.top()).extracting(process -> process.command()).containsExactly("sleep 1000");
            assertThat(container
                            .exec(ExecSpec.of("echo", "hello").timeout(Duration.ofSeconds(60)))
                            .stdout())
                    .isEqualTo("hello\n");
        }
        assertThatThrownBy(() -> ExecSpec.of("true").timeout(Duration.ZERO))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot exec true for PT0S: that is no time at all");
    }

    @Test
    void oneWhoseCallerIsInterruptedIsKilledWithAllThatItBegan() throws Exception {
        try (var container = start()) {
            var ended = new CompletableFuture<Boolean>();
            var caller = new Thread(() -> {
                try {
                    container.exec("sh", "-c", TREE);
                } catch (CancelledException e) {
                    ended.complete(Thread.currentThread().isInterrupted());
                }
            });
            caller.start();
            awaitTree(container);
            caller.interrupt();

            assertThat(ended.get()).isTrue();
            assertThat(container.top()).extracting(process -> process.command()).containsExactly("sleep 1000");
        }
    }

    @Test
    void oneThatIsKilledOrClosedLeavesNoChild() throws InterruptedException {
        try (var container = start()) {
            try (var exec = container.startExec(ExecSpec.of("sh", "-c", TREE))) {
                awaitTree(container);
                exec.kill("KILL");
                assertThat(exec.await().signal()).contains("SIGKILL");
                assertThat(container.top()).hasSize(1);
            }
            try (var exec = container.startExec(ExecSpec.of("sh", "-c", TREE))) {
                awaitTree(container);
                assertThat(exec.pid()).isPositive();
            }
            assertThat(container.top()).hasSize(1);
        }
    }

    @Test
    void inTheHostsPidNamespaceItLeavesNoneEither() throws InterruptedException {
        try (var container = engine.containers()
                .start(ContainerSpec.of("busybox").pid(NamespaceMode.HOST).command("sleep", "1000"))) {
            try (var exec = container.startExec(ExecSpec.of("sh", "-c", TREE))) {
                awaitTree(container);
                assertThat(exec.pid()).isPositive();
            }
            assertThat(container.top()).hasSize(1);
        }
    }

    @Test
    void whatItLeavesRunningStaysUntilTheContainerEnds() throws InterruptedException {
        try (var container = start()) {
            assertThat(container
                            .exec("sh", "-c", "setsid sleep 1001 >/dev/null 2>&1 & echo begun")
                            .stdout())
                    .isEqualTo("begun\n");
            awaitProcesses(container, "sleep 1001");
            assertThat(container.top()).extracting(process -> process.command()).contains("sleep 1001");
            Eventually.passes(
                    () -> assertThat(container.stats().pids().current()).isEqualTo(2));
        }
    }

    @Test
    void itSeesItsGroupAsTheTop() {
        try (var container = start()) {
            assertThat(container.exec("cat", "/proc/self/cgroup").stdout().lines())
                    .allMatch(line -> line.endsWith(":/"));
        }
    }

    @Test
    void manyLeaveNoGroupBehind() {
        try (var container = start()) {
            for (var i = 0; i < 20; i++) {
                assertThat(container.exec("true").exitCode()).isZero();
            }
            assertThatThrownBy(() -> container.exec("nowhere")).isInstanceOf(NotFoundException.class);
            for (var directory : ((LocalContainer) container).lastCgroup().directories()) {
                assertThat(directory.toFile().list((parent, name) -> name.startsWith("exec-")))
                        .isEmpty();
            }
        }
    }
}
