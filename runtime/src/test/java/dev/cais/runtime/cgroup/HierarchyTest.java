package dev.cais.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;

class HierarchyTest {
    private static final String HYBRID = """
            23 28 0:21 / /proc rw,nosuid - proc proc rw
            31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
            32 31 0:29 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw,nsdelegate
            33 31 0:30 / /sys/fs/cgroup/systemd rw shared:11 - cgroup cgroup rw,xattr,name=systemd
            34 31 0:31 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
            35 31 0:32 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
            """;
    private static final String HYBRID_MEMBERSHIP = """
            4:cpu,cpuacct:/user.slice
            3:memory:/
            1:name=systemd:/user.slice/a:b
            0::/user.slice/a:b
            """;

    @Test
    void hybridHasBothKinds() {
        assertThat(Hierarchy.parse(HYBRID, HYBRID_MEMBERSHIP))
                .containsExactly(
                        new Hierarchy(
                                Path.of("/sys/fs/cgroup/unified"),
                                Path.of("/sys/fs/cgroup/unified/user.slice/a:b"),
                                true,
                                Set.of(),
                                false),
                        new Hierarchy(
                                Path.of("/sys/fs/cgroup/systemd"),
                                Path.of("/sys/fs/cgroup/systemd/user.slice/a:b"),
                                false,
                                Set.of("name=systemd"),
                                false),
                        new Hierarchy(
                                Path.of("/sys/fs/cgroup/cpu,cpuacct"),
                                Path.of("/sys/fs/cgroup/cpu,cpuacct/user.slice"),
                                false,
                                Set.of("cpu", "cpuacct"),
                                false),
                        new Hierarchy(
                                Path.of("/sys/fs/cgroup/memory"),
                                Path.of("/sys/fs/cgroup/memory"),
                                false,
                                Set.of("memory"),
                                true));
    }

    @Test
    void aTreeMountedFromItsMiddleShowsOnlyWhatIsBelow() {
        var mounted = "9 1 0:5 /docker/c1 /sys/fs/cgroup rw - cgroup2 cgroup rw\n";

        assertThat(Hierarchy.parse(mounted, "0::/docker/c1/init\n"))
                .singleElement()
                .returns(Path.of("/sys/fs/cgroup/init"), Hierarchy::own);
        assertThat(Hierarchy.parse(mounted, "0::/elsewhere\n"))
                .singleElement()
                .returns(Path.of("/sys/fs/cgroup"), Hierarchy::own);
        assertThat(Hierarchy.parse("9 1 0:5 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "0::/\n"))
                .singleElement()
                .returns(Path.of("/sys/fs/cgroup"), Hierarchy::own);
    }

    @Test
    void ofOneTreeMountedTwiceTheWritableOneCounts() {
        var mounts = """
                9 1 0:5 / /sys/fs/cgroup ro - cgroup2 cgroup rw
                10 1 0:5 / /run/my\\040cgroups rw - cgroup2 cgroup rw
                """;

        assertThat(Hierarchy.parse(mounts, "0::/\n"))
                .singleElement()
                .returns(Path.of("/run/my cgroups"), Hierarchy::mount)
                .returns(false, Hierarchy::readOnly);
    }

    @Test
    void placesAreNamedFromTheNearestToTheTop() {
        var tree = Hierarchy.parse("9 1 0:5 / /cg rw - cgroup2 cgroup rw\n", "0::/a/b\n")
                .get(0);

        assertThat(tree.ownAndAbove()).containsExactly(Path.of("/cg/a/b"), Path.of("/cg/a"), Path.of("/cg"));
    }

    @Test
    void whatIsNoMountTableIsNothing() {
        assertThat(Hierarchy.parse("", "")).isEmpty();
        assertThat(Hierarchy.parse("a b - cgroup2\nx - cgroup cgroup memory\n", "::\nx\n1:memory"))
                .isEmpty();
    }
}
