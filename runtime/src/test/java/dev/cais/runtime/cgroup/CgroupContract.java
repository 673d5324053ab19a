package dev.cais.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.ByteSize;
import dev.cais.IoLimit;
import dev.cais.KernelException;
import dev.cais.Resources;
import dev.cais.Stats;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The contract of a container's group, on whatever this host mounts: v1, v2, or both; as root, or in a delegated group. The
 * processes are shells that enter by themselves.
 */
@LeakChecked
abstract class CgroupContract {
    /** Other JVMs may run the same tests. */
    private static final String ENGINE =
            "%012x".formatted(0xca15_0000_0000L | ProcessHandle.current().pid());

    static final int SIGKILLED = 128 + 9;

    private static final String FOR_EVER = "echo ready; while :; do :; done";

    @TempDir
    Path scratch;

    private final Cgroups host;
    private final List<Process> started = new ArrayList<>();
    EngineCgroups engine;

    CgroupContract(Cgroups host) {
        this.host = host;
    }

    @BeforeEach
    void openEngine() {
        engine = host.open(ENGINE);
        assumeTrue(!engine.roots().isEmpty(), () -> "no cgroup can be made here: " + host.missing());
    }

    @AfterEach
    void closeEngine() throws InterruptedException {
        engine.close();
        for (var process : started) {
            process.waitFor();
        }
    }

    private void assumeControllers(Controller... controllers) {
        for (var controller : controllers) {
            assumeTrue(host.controllers().contains(controller), () -> controller + ": " + host.missing());
        }
    }

    /** A shell that is in the group before its script begins. */
    final Process start(Cgroup cgroup, String script) throws IOException {
        var enter = new StringBuilder("set -e\n");
        cgroup.taskFiles().forEach(file -> enter.append("echo 0 >").append(file).append('\n'));
        cgroup.directory()
                .ifPresent(directory -> enter.append("echo 0 >")
                        .append(directory.resolve("cgroup.procs"))
                        .append('\n'));
        var process = new ProcessBuilder("sh", "-c", enter + "set +e\ncd " + scratch + "\n" + script)
                .redirectErrorStream(true)
                .start();
        started.add(process);
        return process;
    }

    private String run(Cgroup cgroup, String script) throws IOException, InterruptedException {
        var process = start(cgroup, script);
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output;
    }

    static void awaitLine(Process process) throws IOException {
        assertThat(process.inputReader(StandardCharsets.UTF_8).readLine()).isEqualTo("ready");
    }

    @Test
    void aProcessIsInsideItAndSeesItAsTheTop() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);

        var process = start(cgroup, "echo ready; exec sleep 1000");
        awaitLine(process);

        assertThat(cgroup.processes()).containsExactly((int) process.pid());
        assertThat(measure(cgroup).pids().current()).isEqualTo(1);
        for (var place : cgroup.directories()) {
            assertThat(ControlFile.read(Path.of("/proc", String.valueOf(process.pid()), "cgroup")))
                    .containsPattern(":/(.*/)?cais-" + ENGINE + "/web\n");
            assertThat(ControlFile.read(place.resolve("cgroup.procs")).strip())
                    .isEqualTo(String.valueOf(process.pid()));
        }
    }

    @Test
    @RequiresRoot
    void inACgroupNamespaceNoPathOfTheHostShows() throws Exception {
        var cgroup = engine.create(
                "web", Resources.UNLIMITED.memory(ByteSize.mib(64)).cpus(1).pids(100), DeviceRules.DEFAULT, true);

        assertThat(run(cgroup, "unshare -C cat /proc/self/cgroup").lines())
                .isNotEmpty()
                .allMatch(line -> line.endsWith(":/") || line.startsWith("1:name="));
    }

    @Test
    void moreMemoryThanTheLimitIsNotGiven() throws Exception {
        assumeControllers(Controller.MEMORY);
        var cgroup = engine.create("web", Resources.UNLIMITED.memory(ByteSize.mib(16)), DeviceRules.DEFAULT, true);

        assertThat(run(cgroup, "head -c 8000000 /dev/zero | tail -c 8000000 | wc -c")
                        .strip())
                .isEqualTo("8000000");
        assertThat(cgroup.oomKilled()).isFalse();
        assertThat(run(cgroup, "head -c 64000000 /dev/zero | tail -c 64000000 | wc -c")
                        .strip())
                .isNotEqualTo("64000000");
        assertThat(cgroup.oomKilled()).isTrue();
    }

    @Test
    void moreProcessesThanTheLimitAreNotMade() throws Exception {
        assumeControllers(Controller.PIDS);
        var cgroup = engine.create("web", Resources.UNLIMITED.pids(5), DeviceRules.DEFAULT, true);

        var output = run(cgroup, "for i in 1 2 3 4 5 6 7 8; do sleep 1000 >/dev/null 2>&1 & done; echo all");

        assertThat(output).doesNotContain("all").containsIgnoringCase("fork");
        assertThat(cgroup.processes()).hasSizeLessThanOrEqualTo(5);
        cgroup.killAll();
    }

    @Test
    void moreProcessorTimeThanTheLimitIsNotGiven() throws Exception {
        assumeControllers(Controller.CPU);
        var cgroup = engine.create("web", Resources.UNLIMITED.cpus(0.05), DeviceRules.DEFAULT, true);

        awaitLine(start(cgroup, FOR_EVER));

        // as soon as other programs leave it more than the limit
        Eventually.passes(() -> {
            var throttled = cgroup.directories().stream()
                    .map(place -> place.resolve("cpu.stat"))
                    .filter(Files::exists)
                    .mapToLong(file -> Cgroup.field(ControlFile.read(file), "nr_throttled"))
                    .max();
            assertThat(throttled.orElseThrow()).isPositive();
        });
        cgroup.killAll();
    }

    @Test
    void figuresAreOfWhatIsInside() throws Exception {
        assumeControllers(Controller.MEMORY);
        var cgroup = engine.create("web", Resources.UNLIMITED.memory(ByteSize.mib(256)), DeviceRules.DEFAULT, true);
        assertThat(measure(cgroup).memory().bytes()).isLessThan(1_000_000);
        assertThat(measure(cgroup).cpu().total()).isEqualTo(Duration.ZERO);

        var process = start(
                cgroup,
                "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done;"
                        + " head -c 50000000 /dev/zero | (tail -c 50000000; sleep 1000) | (read -r none; sleep 1000) & "
                        + " head -c 20000000 /dev/zero >file; cat file >/dev/null; echo ready; wait");
        awaitLine(process);

        assertThat(measure(cgroup).memory().limit()).isEqualTo(ByteSize.mib(256));
        assertThat(measure(cgroup).memory().cache()).isBetween(15_000_000L, 256_000_000L);
        assertThat(measure(cgroup).cpu().total()).isPositive();
        assertThat(measure(cgroup).pids().current()).isGreaterThanOrEqualTo(4);
    }

    private static CgroupStats.Measurement measure(Cgroup cgroup) {
        return new CgroupStats().measure(cgroup);
    }

    @Test
    void oneWithoutLimitsSaysSo() {
        assumeControllers(Controller.MEMORY);
        var measured = measure(engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true));

        assertThat(measured.memory().limit()).isEqualTo(ByteSize.UNLIMITED);
        assertThat(measured.memory().limitHits()).isZero();
        assertThat(measured.memory().oomKills()).isZero();
        assertThat(measured.pids().limit()).isEmpty();
        assertThat(measured.cpu().throttling()).isEqualTo(Stats.Throttling.NONE);
    }

    @Test
    void limitsThatAreReachedAreCounted() throws Exception {
        assumeControllers(Controller.MEMORY, Controller.CPU, Controller.PIDS);
        var cgroup = engine.create(
                "web", Resources.UNLIMITED.memory(ByteSize.mib(16)).cpus(0.1).pids(30), DeviceRules.DEFAULT, true);

        run(cgroup, "head -c 64000000 /dev/zero | tail -c 64000000 | wc -c");
        var process = start(cgroup, FOR_EVER);
        awaitLine(process); // it is in all its groups
        Eventually.passes(() -> {
            var throttling = measure(cgroup).cpu().throttling();
            assertThat(throttling.throttledPeriods()).isBetween(1L, throttling.periods());
            assertThat(throttling.throttledTime()).isPositive();
        });
        cgroup.killAll();
        process.waitFor();

        var measured = measure(cgroup);
        assertThat(measured.memory().peak().orElse(ByteSize.mib(16).bytes()))
                .isBetween(ByteSize.mib(8).bytes(), ByteSize.mib(16).bytes());
        if (host.version() == Cgroups.Version.V2) { // v1 of newer kernels does not count the limit on memory and swap
            assertThat(measured.memory().limitHits()).isPositive();
        }
        assertThat(measured.memory().oomKills()).isPositive();
        assertThat(measured.pids()).isEqualTo(new Stats.Pids(0, OptionalLong.of(30)));
    }

    @Test
    void userAndSystemTimeAreTheTotal() throws Exception {
        assumeControllers(Controller.MEMORY);
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);

        run(cgroup, "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; head -c 2000000000 /dev/zero >/dev/null");

        var cpu = measure(cgroup).cpu();
        assertThat(cpu.user()).isPositive();
        assertThat(cpu.system()).isPositive();
        assertThat(cpu.total().minus(cpu.user()).minus(cpu.system()).abs()).isLessThan(Duration.ofMillis(5));
    }

    @Test
    void whatReachesADiskIsCounted() throws Exception {
        assumeControllers(Controller.IO);
        var disk = disk(scratch);
        assumeTrue(disk.isPresent(), () -> "no disk below " + scratch);
        // since 6.10 v1 counts only on disks that somebody has set a limit for
        var limits = engine.onV1().contains(Controller.IO)
                ? Resources.UNLIMITED.ioLimit(new IoLimit(disk.get(), IoLimit.Kind.WRITE_BYTES, 1L << 40))
                : Resources.UNLIMITED;
        var cgroup = engine.create("web", limits, DeviceRules.DEFAULT, true);
        assertThat(measure(cgroup).io().orElseThrow().writtenBytes()).isZero();

        assertThat(run(cgroup, "dd if=/dev/zero of=file bs=65536 count=16 oflag=direct 2>&1 && echo done"))
                .endsWith("done\n");

        var io = measure(cgroup).io().orElseThrow();
        assertThat(io.writtenBytes()).isGreaterThanOrEqualTo(16 * 65536);
        assertThat(io.devices())
                .anySatisfy(device -> assertThat(device.writes()).isGreaterThanOrEqualTo(16));
        assertThat(io.devices())
                .allSatisfy(device -> assertThat(device.device()).matches("\\d+:\\d+"));
    }

    /** The whole disk that a directory is on, if it is on one. */
    private static Optional<String> disk(Path directory) throws IOException {
        var number = (Long) Files.getAttribute(directory, "unix:dev");
        var device = Path.of("/sys/dev/block", (number >> 8 & 0xfff) + ":" + (number & 0xff | number >> 12 & 0xfff00));
        if (!Files.exists(device)) {
            return Optional.empty();
        }
        var real = device.toRealPath();
        var whole = Files.exists(real.resolve("partition")) ? real.resolveSibling("") : real;
        return Optional.of("/dev/" + whole.getFileName());
    }

    @Test
    void whatWaitsIsToldWhereTheKernelTells() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED.cpus(0.1), DeviceRules.DEFAULT, true);
        var told = cgroup.directory().map(directory -> directory.resolve("cpu.pressure"));
        assumeTrue(told.isPresent() && Files.exists(told.get()), "the kernel tells of no pressure");

        run(cgroup, "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done");

        // what happened on each processor is added up every two seconds, and so perhaps between two looks
        Eventually.passes(() -> {
            var cpu = measure(cgroup).pressure().orElseThrow().cpu();
            assertThat(ControlFile.read(told.get()))
                    .contains("total=" + cpu.some().total().toNanos() / 1000 + "\n");
            assertThat(cpu.some().total()).isGreaterThanOrEqualTo(cpu.full().total());
        });
    }

    @Test
    void oneThatIsGoneIsNotMeasured() {
        assumeControllers(Controller.MEMORY);
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        cgroup.remove();

        assertThatThrownBy(() -> measure(cgroup))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("cannot measure web: openat(2) failed with ENOENT (no such file or directory)");
    }

    @Test
    void aFrozenGroupDoesNothingUntilItIsThawed() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var process = start(cgroup, FOR_EVER);
        awaitLine(process);

        cgroup.freeze();
        // the last moments of who leaves its processor are counted when it has left it
        Eventually.passes(() -> {
            var before = measure(cgroup).cpu().total();
            assertThat(process.waitFor(50, TimeUnit.MILLISECONDS)).isFalse();
            assertThat(measure(cgroup).cpu().total()).isEqualTo(before);
        });
        var frozen = measure(cgroup).cpu().total();

        cgroup.thaw();
        while (measure(cgroup).cpu().total().equals(frozen)) {
            assertThat(process.waitFor(1, TimeUnit.MILLISECONDS)).isFalse();
        }
    }

    @Test
    void aFrozenGroupIsKilled() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var process = start(cgroup, FOR_EVER);
        awaitLine(process);

        cgroup.freeze();
        cgroup.killAll();
        cgroup.remove();

        assertThat(process.waitFor()).isEqualTo(SIGKILLED);
        assertThat(cgroup.directories()).noneMatch(Files::exists);
    }

    @Test
    void nothingEscapesByForking() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED.pids(200), DeviceRules.DEFAULT, true);
        var process = start(cgroup, """
                echo ready
                breed() { (setsid sh -c 'sleep 0.001; :' & ); }
                for i in 1 2 3 4; do (while :; do breed; done) & done
                wait
                """);
        awaitLine(process);

        cgroup.killAll();
        cgroup.remove();

        assertThat(process.waitFor()).isEqualTo(SIGKILLED);
        assertThat(cgroup.directories()).noneMatch(Files::exists);
    }

    @Test
    void groupsMadeInsideGoWithIt() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        for (var place : cgroup.directories()) {
            Files.createDirectories(place.resolve("a/b/c"));
            Files.createDirectories(place.resolve("d"));
        }
        var below = cgroup.directories().get(0).resolve("a/b/c");
        var process = start(cgroup, "echo 0 >" + below.resolve("cgroup.procs") + "; echo ready; exec sleep 1000");
        awaitLine(process);
        assertThat(cgroup.processes()).containsExactly((int) process.pid());

        cgroup.killAll();
        cgroup.remove();

        assertThat(cgroup.directories()).noneMatch(Files::exists);
    }

    @Test
    void removingOnceMoreDoesNothing() {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);

        cgroup.remove();
        cgroup.remove();
        cgroup.killAll();

        assertThat(cgroup.processes()).isEmpty();
        assertThat(cgroup.oomKilled()).isFalse();
    }

    @Test
    void oneInUseIsNotRemovedAndSaysWhoUsesIt() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var process = start(cgroup, "echo ready; exec sleep 1000");
        awaitLine(process);
        var place = cgroup.directories().get(0);

        assertThatThrownBy(() -> CgroupTree.remove(place, Duration.ofMillis(20)))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot remove cgroup " + place
                        + ": unlinkat(2) failed with EBUSY (device or resource busy) [processes=[" + process.pid()
                        + "]]");
    }

    @Test
    void twoOfOneNameAreRefusedAndTheFirstStays() {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);

        assertThatThrownBy(() -> engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true))
                .isInstanceOf(KernelException.class)
                .hasMessageEndingWith("mkdirat(2) failed with EEXIST (file exists)");
        assertThat(cgroup.directories()).allMatch(Files::exists);
    }

    @Test
    void aNameThatLeadsElsewhereIsRefused() {
        assertThatThrownBy(() -> engine.create("../web", Resources.UNLIMITED, DeviceRules.DEFAULT, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("not a container's id: ../web");
    }

    @Test
    void aFailureHalfwayLeavesNothing() {
        assumeControllers(Controller.PIDS);
        // more than there can be process ids: 2^22
        assertThatThrownBy(() -> engine.create("web", Resources.UNLIMITED.pids(100_000_000), DeviceRules.DEFAULT, true))
                .isInstanceOf(KernelException.class)
                .hasMessageContaining("write(2) failed with EINVAL");

        engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
    }

    @Test
    void closingTheEngineKillsAndRemovesAll() throws Exception {
        var process = start(
                engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true), "echo ready; exec sleep 1000");
        awaitLine(process);
        engine.create("db", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var roots = engine.roots();

        engine.close();
        engine.close();

        assertThat(process.waitFor()).isEqualTo(SIGKILLED);
        assertThat(roots).isNotEmpty().noneMatch(Files::exists);
    }

    @Test
    void whatADeadEngineLeftIsSwept() throws Exception {
        var dead = "%012x".formatted(0xdead_0000_0000L | ProcessHandle.current().pid());
        var left = new ArrayList<Path>();
        for (var root : engine.roots()) {
            left.add(root.resolveSibling("cais-" + dead));
        }
        Files.createDirectory(left.get(0));
        var stranger = engine.roots().get(0).resolveSibling("cais-" + dead + "0");
        Files.createDirectories(stranger);
        // it lives until all is there: other JVMs sweep whenever they open an engine
        var alive = ControlFile.openDirectory(left.get(0));
        assertThat(Cgroups.lock(alive)).isTrue();
        for (var directory : left) {
            Files.createDirectories(directory.resolve("web"));
        }
        var survivor = new ProcessBuilder(
                        "sh",
                        "-c",
                        "echo 0 >" + left.get(0).resolve("web/cgroup.procs") + " && echo ready && exec sleep 1000")
                .start();
        started.add(survivor);
        try (alive) {
            awaitLine(survivor);

            assertThat(host.sweep(id -> true)).isEmpty();
            assertThat(host.sweep(id -> !id.equals(dead))).isEmpty();
            assertThat(left).allMatch(Files::exists);

            alive.close();
            assertThat(host.sweep(id -> !id.equals(dead))).containsExactly(dead);
            assertThat(left).noneMatch(Files::exists);
            assertThat(survivor.waitFor()).isEqualTo(SIGKILLED);
            assertThat(stranger).exists();
        } finally {
            left.forEach(CgroupTree::killAndRemove);
            Files.deleteIfExists(stranger);
        }
    }

    @Test
    void anEngineThatLivesIsNotSweptWhateverIsSaidOfIt() {
        assertThat(host.sweep(id -> !id.equals(ENGINE))).isEmpty();

        assertThat(engine.roots()).allMatch(Files::exists);
    }

    @Test
    @RequiresRoot
    void noDeviceButTheHarmlessIsUsedWhateverNodesAreMade() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var disk = firstDisk();
        var script = """
                probe() {
                  mknod node $1 $2 $3 || echo "$1 $2:$3 not made"
                  dd if=node of=/dev/null bs=1 count=1 2>err
                  grep -q 'not permitted' err && echo "$1 $2:$3 refused"
                  rm -f node
                }
                probe c 1 3; probe c 1 5; probe c 1 7; probe c 1 8; probe c 1 9; probe c 5 0; probe c 5 2
                probe b %s
                probe b 7 0; probe c 1 1; probe c 1 4; probe c 1 2; probe c 4 64; probe c 10 200; probe c 10 229; probe c 1 11
                """.formatted(disk);

        assertThat(run(cgroup, script).lines())
                .containsExactly(
                        "b " + disk.replace(' ', ':') + " refused",
                        "b 7:0 refused",
                        "c 1:1 refused",
                        "c 1:4 refused",
                        "c 1:2 refused",
                        "c 4:64 refused",
                        "c 10:200 refused",
                        "c 10:229 refused",
                        "c 1:11 refused");
    }

    @Test
    @RequiresRoot
    void noDeviceIsWrittenBehindItsNode() throws Exception {
        var cgroup = engine.create("web", Resources.UNLIMITED, DeviceRules.DEFAULT, true);
        var script =
                "mknod disk b %s; mknod mem c 1 1; mknod null c 1 3; for n in disk mem null; do".formatted(firstDisk())
                        + " (: >>$n) 2>/dev/null && echo \"$n opened\"; done; rm -f disk mem null";

        assertThat(run(cgroup, script).lines()).containsExactly("null opened");
    }

    private static String firstDisk() throws IOException {
        try (var disks = Files.list(Path.of("/sys/class/block"))) {
            var first = disks.sorted().findFirst();
            assumeTrue(first.isPresent(), "this host has no disk");
            return Files.readString(first.get().resolve("dev")).strip().replace(':', ' ');
        }
    }
}
