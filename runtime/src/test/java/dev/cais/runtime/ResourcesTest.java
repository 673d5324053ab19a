package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.IoLimit;
import dev.cais.KernelException;
import dev.cais.NotFoundException;
import dev.cais.Resources;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.linux.ControlFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Limits, as the container itself finds them in its control group, and their change while it runs. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class ResourcesTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static Container start(Resources resources) {
        return engine.containers()
                .start(ContainerSpec.of("busybox").command("sleep", "1000").resources(resources));
    }

    private static boolean v1() {
        return engine.info().cgroupVersion().equals("v1");
    }

    private static void assumeController(String name) {
        assumeTrue(
                engine.info().controllers().contains(name),
                () -> name + ": " + engine.info().notes());
    }

    /** A file of the container's own group, as it sees it. */
    private static String file(Container container, String onV1, String onV2) {
        return container
                .exec("cat", "/sys/fs/cgroup/" + (v1() ? onV1 : onV2))
                .stdout()
                .strip();
    }

    /** A directory of v1 that came later is above what the container sees as the top. */
    private static String fromOutside(Container container, String onV1, String onV2) {
        return ((LocalContainer) container)
                .lastCgroup().directories().stream()
                        .map(directory -> directory.resolve(v1() ? onV1 : onV2))
                        .filter(Files::exists)
                        .map(ControlFile::read)
                        .findFirst()
                        .orElse("")
                        .strip();
    }

    @Test
    void memoryIsLimitedWithItsSwap() {
        assumeController("memory");
        try (var container = start(Resources.UNLIMITED
                .memory(ByteSize.mib(64))
                .memoryReservation(ByteSize.mib(16))
                .memorySwap(ByteSize.mib(96)))) {
            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo("67108864");
            assertThat(file(container, "memory/memory.soft_limit_in_bytes", "memory.low"))
                    .isEqualTo("16777216");
            var swap = file(container, "memory/memory.memsw.limit_in_bytes", "memory.swap.max");
            if (swap.isEmpty()) {
                assertThat(container.warnings())
                        .extracting(warning -> warning.what())
                        .containsExactly("memory and swap 96.0 MiB");
            } else {
                assertThat(swap).isEqualTo(v1() ? "100663296" : "33554432");
                assertThat(container.warnings()).isEmpty();
            }
        }
    }

    @Test
    void swappinessIsOfV1Alone() {
        assumeController("memory");
        try (var container = start(Resources.UNLIMITED.swappiness(17))) {
            if (v1()) {
                assertThat(file(container, "memory/memory.swappiness", "")).isEqualTo("17");
                assertThat(container.warnings()).isEmpty();
            } else {
                assertThat(container.warnings())
                        .extracting(Object::toString)
                        .containsExactly("cannot set swappiness 17: the kernel has no memory.swappiness");
            }
        }
    }

    @Test
    void processorsAreLimitedAndWeighed() {
        assumeController("cpu");
        try (var container = start(Resources.UNLIMITED.cpus(0.25).cpuShares(512))) {
            assertThat(file(container, "cpu/cpu.cfs_quota_us", "cpu.max")).isEqualTo(v1() ? "25000" : "25000 100000");
            assertThat(file(container, "cpu/cpu.shares", "cpu.weight")).isEqualTo(v1() ? "512" : "59");
        }
    }

    @Test
    void aSetOfProcessorsIsAllThatThereIs() {
        assumeController("cpuset");
        try (var container = start(Resources.UNLIMITED.cpuset("0").memoryNodes("0"))) {
            assertThat(container
                            .exec("sh", "-c", "grep _allowed_list /proc/self/status")
                            .stdout())
                    .isEqualTo("Cpus_allowed_list:\t0\nMems_allowed_list:\t0\n");
        }
        assertThatThrownBy(() -> start(Resources.UNLIMITED.cpuset("0,4711")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot use cpuset 0,4711: only 0")
                .hasMessageEndingWith(" can be used here");
    }

    @Test
    void processesAreLimited() {
        assumeController("pids");
        try (var container = start(Resources.UNLIMITED.pids(6))) {
            assertThat(file(container, "pids/pids.max", "pids.max")).isEqualTo("6");
            assertThat(container
                            .exec("sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 100 & done; wait")
                            .stderr())
                    .contains("can't fork: Resource temporarily unavailable");
        }
    }

    private static Optional<String> disk() throws IOException {
        try (var disks = Files.list(Path.of("/sys/block"))) {
            return disks.map(path -> path.getFileName().toString())
                    .filter(name -> Files.exists(Path.of("/sys/block", name, "device")))
                    .filter(name -> Files.exists(Path.of("/dev", name)))
                    .findFirst();
        }
    }

    @Test
    void inputAndOutputAreLimitedForADevice() throws IOException {
        assumeController("io");
        var disk = disk();
        assumeTrue(disk.isPresent(), "no disk");
        var path = "/dev/" + disk.get();
        var numbers = Files.readString(Path.of("/sys/block", disk.get(), "dev")).strip();
        var limited = Resources.UNLIMITED
                .ioLimit(new IoLimit(path, IoLimit.Kind.READ_BYTES, 1 << 20))
                .ioLimit(new IoLimit(path, IoLimit.Kind.WRITE_OPERATIONS, 77));
        try (var container = start(limited)) {
            assertThat(container.warnings()).isEmpty();
            if (v1()) {
                assertThat(file(container, "blkio/blkio.throttle.read_bps_device", ""))
                        .isEqualTo(numbers + " 1048576");
                assertThat(file(container, "blkio/blkio.throttle.write_iops_device", ""))
                        .isEqualTo(numbers + " 77");
            } else {
                assertThat(file(container, "", "io.max"))
                        .isEqualTo(numbers + " rbps=1048576 wbps=max riops=max wiops=77");
            }
            container.update(Resources.UNLIMITED.ioLimit(new IoLimit(path, IoLimit.Kind.READ_BYTES, 2 << 20)));
            assertThat(file(container, "blkio/blkio.throttle.read_bps_device", "io.max"))
                    .isEqualTo(numbers + (v1() ? " 2097152" : " rbps=2097152 wbps=max riops=max wiops=max"));
            assertThat(file(container, "blkio/blkio.throttle.write_iops_device", "nothing"))
                    .isEmpty();
        }
        assertThatThrownBy(
                        () -> start(Resources.UNLIMITED.ioLimit(new IoLimit("/dev/null", IoLimit.Kind.READ_BYTES, 1))))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot limit I/O of /dev/null: it is no block device; name a disk");
        assertThatThrownBy(() ->
                        start(Resources.UNLIMITED.ioLimit(new IoLimit("/dev/nowhere", IoLimit.Kind.READ_BYTES, 1))))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("cannot limit I/O of /dev/nowhere: the host has no such device; see lsblk for what it has");
    }

    @Test
    void inputAndOutputAreWeighed() {
        assumeController("io");
        try (var container = start(Resources.UNLIMITED.ioWeight(300))) {
            if (container.warnings().isEmpty()) {
                assertThat(
                                v1()
                                        ? file(container, "blkio/blkio.bfq.weight", "")
                                                + file(container, "blkio/blkio.weight", "")
                                        : file(container, "", "io.bfq.weight") + file(container, "", "io.weight"))
                        .contains(v1() ? "300" : "default ");
            } else {
                assertThat(container.warnings())
                        .singleElement()
                        .asString()
                        .startsWith("cannot set I/O weight 300: the kernel has no ");
            }
        }
    }

    @Test
    void limitsOfARunningContainerChange() {
        assumeController("memory");
        assumeController("pids");
        assumeController("cpu");
        try (var container = start(Resources.UNLIMITED)) {
            container.update(Resources.UNLIMITED
                    .memory(ByteSize.mib(64))
                    .cpus(0.5)
                    .pids(20)
                    .cpuShares(2048));

            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo("67108864");
            assertThat(fromOutside(container, "pids.max", "pids.max")).isEqualTo("20");
            assertThat(fromOutside(container, "cpu.cfs_quota_us", "cpu.max")).startsWith("50000");
            assertThat(((LocalContainer) container).lastCgroup().processes()).contains(container.pid());
            for (var file : ((LocalContainer) container).lastCgroup().taskFiles()) {
                assertThat(ControlFile.read(file).lines()).contains(String.valueOf(container.pid()));
            }

            container.update(Resources.UNLIMITED.memory(ByteSize.mib(128)));
            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo("134217728");
            assertThat(fromOutside(container, "pids.max", "pids.max")).isEqualTo("max");
            assertThat(fromOutside(container, "cpu.cfs_quota_us", "cpu.max")).isEqualTo(v1() ? "-1" : "max 100000");
            assertThat(container.spec().resources()).isEqualTo(Resources.UNLIMITED.memory(ByteSize.mib(128)));

            container.update(Resources.UNLIMITED);
            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo(v1() ? "9223372036854771712" : "max");
        }
    }

    @Test
    void aSetOfProcessorsCanBeTakenAndGivenBackWhileItRuns() {
        assumeController("cpuset");
        try (var container = start(Resources.UNLIMITED)) {
            var before = allowed(container);
            container.update(Resources.UNLIMITED.cpuset("0"));
            assertThat(allowed(container)).isEqualTo("0");
            assertThat(container
                            .exec("grep", "Cpus_allowed_list", "/proc/1/status")
                            .stdout())
                    .isEqualTo("Cpus_allowed_list:\t0\n");
            container.update(Resources.UNLIMITED);
            assertThat(allowed(container)).isEqualTo(before);
        }
    }

    private static String allowed(Container container) {
        return container
                .exec("sh", "-c", "grep Cpus_allowed_list /proc/self/status")
                .stdout()
                .strip()
                .split("\t")[1];
    }

    @Test
    void lessMemoryThanIsUsedIsRefusedAndNothingElseChanges() throws InterruptedException {
        assumeController("memory");
        assumeController("pids");
        var spec = ContainerSpec.of("busybox")
                .command(
                        "sh",
                        "-c",
                        "dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; echo ready; exec sleep 1000");
        try (var container = engine.containers().start(spec.pids(50))) {
            Eventually.isTrue(() -> container.logs().lines().findAny().isPresent());
            assumeTrue(ControlFile.read(Path.of("/proc/swaps")).lines().count() == 1, "it would be swapped out");

            assertThatThrownBy(
                            () -> container.update(Resources.UNLIMITED.pids(40).memory(ByteSize.mib(8))))
                    .isInstanceOf(ConflictException.class)
                    .hasMessageMatching(
                            "cannot limit memory of container [0-9a-f]{64} to 8.0 MiB: it uses [0-9.]+ MiB; choose a"
                                    + " higher limit, or stop some of its processes");
            assertThat(file(container, "pids/pids.max", "pids.max")).isEqualTo("50");
            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo(v1() ? "9223372036854771712" : "max");
            assertThat(container.exec("true").exitCode()).isZero();
        }
    }

    @Test
    void aChangeThatTheKernelRefusesIsUndone() {
        assumeController("memory");
        assumeController("pids");
        try (var container = start(Resources.UNLIMITED.memory(ByteSize.mib(64)))) {
            assertThatThrownBy(() -> container.update(
                            Resources.UNLIMITED.memory(ByteSize.mib(32)).pids(100_000_000)))
                    .isInstanceOf(KernelException.class)
                    .hasMessageContaining("write(2) failed with EINVAL");
            assertThat(file(container, "memory/memory.limit_in_bytes", "memory.max"))
                    .isEqualTo("67108864");
            assertThat(container.exec("true").exitCode()).isZero();
        }
    }

    @Test
    void whatDoesNotRunBeginsWithItsNewLimits() {
        var container = engine.containers()
                .create(ContainerSpec.of("busybox").name("again").command("sh", "-c", "sleep 600"));
        try (container) {
            container.update(Resources.UNLIMITED.pids(9));
            assertThat(container.spec().resources().pids()).isEqualTo(9);
            container.start();
            container.kill("KILL");
            container.await();

            container.update(Resources.UNLIMITED.memory(ByteSize.mib(64)));
            container.start();
            assertThat(container.spec().resources()).isEqualTo(Resources.UNLIMITED.memory(ByteSize.mib(64)));
            assertThat(container.stats().memory().limit()).isEqualTo(ByteSize.mib(64));
        }
        assertThatThrownBy(() -> container.update(Resources.UNLIMITED))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot update container again: it is removed");
    }
}
