package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.NamespaceMode;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import dev.cais.network.netlink.Nftables;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that is killed while it starts, runs and removes containers leaves nothing behind. */
@RequiresRoot
@LeakChecked
class KilledJvmTest {
    private static final int ROUNDS = Integer.getInteger("cais.test.kills", 100);
    private static final String MARK = "CAIS_TEST_MARK=";

    private final Nftables nftables = Nftables.open();
    private String mark = "";

    @BeforeEach
    void makeMark() {
        mark = Long.toHexString(System.nanoTime());
    }

    @AfterEach
    void close() {
        nftables.close();
    }

    /** What the killed JVM does: ARGS are the store and the mark of its containers. */
    static final class Victim {
        public static void main(String[] args) throws Exception {
            var engine = Engine.open(EngineOptions.defaults().store(Path.of(args[0])));
            var spec =
                    ContainerSpec.of("busybox").env("CAIS_TEST_MARK", args[1]).memory(ByteSize.mib(64));
            var daemons =
                    "(setsid sleep 1000 >/dev/null 2>&1 &); (setsid sh -c 'sleep 1000 & sleep 1000' &); sleep 1000";
            engine.containers().start(spec.user("1000").command("sh", "-c", daemons));
            var network = engine.networks().create("victims");
            engine.containers()
                    .start(spec.join(network).publish(80).command("sh", "-c", daemons))
                    .exec("sh", "-c", "setsid sleep 1000 &");
            engine.containers().start(spec.pid(NamespaceMode.HOST).command("sh", "-c", daemons));
            System.out.println(engine.info().id());
            for (var i = 0; i < 3; i++) {
                var thread = new Thread(() -> {
                    while (true) {
                        engine.containers().run(spec.command("sh", "-c", "echo x; sleep 1000 &"));
                    }
                });
                thread.setDaemon(true);
                thread.start();
            }
            Thread.sleep(60_000);
        }
    }

    @Test
    @Timeout(1500)
    void nothingIsLeftOfIt(TestStore store) throws Exception {
        try (var engine = store.openEngineWithBusybox()) {
            engine.info();
        }
        var seed = System.nanoTime();
        var random = new Random(seed);
        var worst = Duration.ZERO;
        for (var round = 0; round < ROUNDS; round++) {
            try (var victim = ChildJvm.start(
                    List.of(),
                    List.of("-XX:TieredStopAtLevel=1", "-Xmx128m"),
                    Victim.class,
                    store.path().toString(),
                    mark)) {
                var id = victim.readLine();
                Thread.sleep(random.nextInt(150));
                if (random.nextInt(4) == 0) {
                    killGuardian(victim.pid());
                }
                victim.kill();
                var killed = System.nanoTime();
                var number = round;
                Eventually.passes(() -> assertThat(left(store, id))
                        .as("left in round %d of seed %d", number, seed)
                        .isEmpty());
                var took = Duration.ofNanos(System.nanoTime() - killed);
                worst = took.compareTo(worst) > 0 ? took : worst;
            }
        }
        System.out.println(
                "killed " + ROUNDS + " times; the last trace was gone after at most " + worst.toMillis() + " ms");
        try (var engine = store.openEngineWithBusybox()) {
            assertThat(engine.containers()
                            .run(ContainerSpec.of("busybox").command("echo", "whole"))
                            .stdout())
                    .isEqualTo("whole\n");
        }
    }

    private static void killGuardian(long jvm) throws IOException {
        try (var threads = Files.list(Path.of("/proc/" + jvm + "/task"))) {
            for (var thread : threads.toList()) {
                for (var child : readIfThere(thread.resolve("children")).split(" ")) {
                    if (!child.isBlank()
                            && readIfThere(Path.of("/proc", child, "comm")).startsWith("cais-guardian")) {
                        ProcessHandle.of(Long.parseLong(child)).ifPresent(ProcessHandle::destroyForcibly);
                    }
                }
            }
        }
    }

    /** Nothing of a thread or process that has just ended: its files are not there, or cannot be read (ESRCH). */
    private static String readIfThere(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }

    private List<String> left(TestStore store, String id) throws IOException {
        var left = new ArrayList<String>();
        try (var processes = Files.list(Path.of("/proc"))) {
            for (var process : processes.toList()) {
                if (process.getFileName().toString().matches("[0-9]+") && isMarked(process)) {
                    left.add("process " + process.getFileName());
                }
            }
        }
        try (Stream<Path> hierarchies = Files.walk(Path.of("/sys/fs/cgroup"), 4)) {
            hierarchies
                    .filter(path -> path.getFileName().toString().equals("cais-" + id))
                    .forEach(path -> left.add("cgroup " + path));
        } catch (java.io.UncheckedIOException e) {
            left.add("cgroups that are just going");
        }
        if (Files.exists(store.path().resolve("engines").resolve(id))) {
            left.add("directory engines/" + id);
        }
        for (var line : Files.readAllLines(Path.of("/proc/self/net/dev"))) {
            if (line.strip().startsWith("cais" + id.substring(0, 6))) {
                left.add("link " + line.strip());
            }
        }
        nftables.chains().stream()
                .filter(chain -> chain.table().equals("cais-" + id))
                .forEach(chain -> left.add("chain " + chain));
        for (var line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            if (line.contains(store.path().toString())) {
                left.add("mount " + line);
            }
        }
        return left;
    }

    private boolean isMarked(Path process) {
        try {
            return new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1)
                    .contains(MARK + mark);
        } catch (IOException e) {
            return false;
        }
    }
}
