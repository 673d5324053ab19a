package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ContainerSpecTest {
    private static final ContainerSpec BASE = ContainerSpec.of("busybox");

    @Test
    void anEnvironmentFileIsReadAsDockerDoes(@TempDir Path directory) throws IOException {
        var file = directory.resolve("env");
        Files.writeString(
                file, "\ufeff# comment\n\n A=1=2\r\nB= 'kept' #too\nPATH\nCAIS_NOT_SET_ANYWHERE\nE=\n\t# more\nA=last");
        assertThat(ContainerSpec.of("a").env("Z", "0").envFile(file).env())
                .containsExactly(
                        Map.entry("Z", "0"),
                        Map.entry("A", "last"),
                        Map.entry("B", " 'kept' #too"),
                        Map.entry("PATH", System.getenv("PATH")),
                        Map.entry("E", ""));
        for (var wrong : List.of("=x", "A B=1", "A\tB")) {
            Files.writeString(file, "A=1\n" + wrong);
            assertThatThrownBy(() -> ContainerSpec.of("a").envFile(file))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot read environment variables from " + file
                            + ": line 2 is no NAME=value: a name is not empty and has no blanks; write one variable a"
                            + " line, or NAME alone to pass on the host's value");
        }
        Files.write(file, new byte[] {'A', '=', (byte) 0xff});
        assertThatThrownBy(() -> ContainerSpec.of("a").envFile(file))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read environment variables from " + file + ": it is not UTF-8");
        assertThatThrownBy(() -> ContainerSpec.of("a").envFile(directory.resolve("none")))
                .isExactlyInstanceOf(NotFoundException.class)
                .hasMessage("cannot read environment variables from " + directory.resolve("none")
                        + ": there is no such file");
    }

    @Test
    void changesGiveCopies() {
        var spec = BASE.name("a1")
                .command("sh", "-c", "exit")
                .env("A", "1")
                .env("B", "2")
                .env("A", "3")
                .memory(ByteSize.mib(5))
                .hostNetwork()
                .label("x", "y");

        assertThat(BASE).isEqualTo(ContainerSpec.of("busybox"));
        assertThat(spec.name()).isEqualTo("a1");
        assertThat(spec.command()).contains(List.of("sh", "-c", "exit"));
        assertThat(spec.env()).containsExactly(Map.entry("A", "3"), Map.entry("B", "2"));
        assertThat(spec.namespaces().network()).isEqualTo(NamespaceMode.HOST);
        assertThat(spec.noNetwork().namespaces().network()).isEqualTo(NamespaceMode.PRIVATE);
        assertThat(spec.image()).isEqualTo("busybox");
    }

    @Test
    void emptyEntrypointDiffersFromNone() {
        assertThat(BASE.entrypoint()).isEmpty();
        assertThat(BASE.entrypoint(new String[0]).entrypoint()).contains(List.of());
    }

    @Test
    void defaultsConfineWithoutLimits() {
        assertThat(BASE.namespaces()).isEqualTo(Namespaces.PRIVATE);
        assertThat(BASE.security().seccomp()).isEqualTo(SeccompProfile.standard());
        assertThat(BASE.resources().memory().isUnlimited()).isTrue();
        assertThat(BASE.stopTimeout()).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void namesOfCapabilitiesAreBroughtIntoOneForm() {
        var security = BASE.capAdd("cap_net_admin", "NET_ADMIN").capDrop("all").security();
        assertThat(security.capAdd()).containsExactly("NET_ADMIN");
        assertThat(security.capDrop()).containsExactly("ALL");
        assertThat(BASE.device(Device.of("/dev/fuse")).security().devices())
                .containsExactly(new Device("/dev/fuse", "/dev/fuse", "rwm"));
        assertThat(BASE.pid(NamespaceMode.container("web")).namespaces())
                .hasToString(
                        "Namespaces[pid=container:web, ipc=private, uts=private, network=private, time=Optional.empty]");
    }

    static List<Arguments> refused() {
        return List.of(
                wrong(spec -> ContainerSpec.of(""), "cannot run a container: the image's name is empty"),
                wrong(
                        spec -> spec.name("-x"),
                        "cannot name a container -x: it does not match [a-zA-Z0-9][a-zA-Z0-9_.-]+"),
                wrong(
                        spec -> spec.hostname("a_b"),
                        "cannot set host name a_b: it is not 1 to 63 letters, digits, dots and hyphens"),
                wrong(spec -> spec.workdir("tmp"), "cannot use working directory tmp: it is not absolute"),
                wrong(spec -> spec.cpus(Double.NaN), "cannot limit processors to NaN: the least is 0.01"),
                wrong(spec -> spec.cpus(0.001), "cannot limit processors to 0.001: the least is 0.01"),
                wrong(spec -> spec.pids(-1), "cannot limit processes to -1: it is negative"),
                wrong(spec -> spec.memory(ByteSize.bytes(100)), "cannot limit memory to 100 B: the least is 1 MiB"),
                wrong(
                        spec -> spec.resources(spec.resources()
                                .memoryReservation(ByteSize.gib(2))
                                .memory(ByteSize.gib(1))),
                        "cannot reserve 2.0 GiB of memory: the limit is 1.0 GiB"),
                wrong(
                        spec -> spec.resources(spec.resources().memorySwap(ByteSize.gib(2))),
                        "cannot limit memory and swap to 2.0 GiB: that is less than memory alone, unlimited"),
                wrong(
                        spec -> spec.resources(spec.resources().swappiness(101)),
                        "cannot set swappiness 101: it is a number from 0 to 100"),
                wrong(
                        spec -> spec.resources(spec.resources().cpuShares(1)),
                        "cannot set CPU shares 1: it is a number from 2 to 262144"),
                wrong(
                        spec -> spec.resources(spec.resources().ioWeight(1001)),
                        "cannot set I/O weight 1001: it is a number from 10 to 1000"),
                wrong(
                        spec -> spec.resources(spec.resources().cpuset("1-")),
                        "cannot use the set '1-': it is written as in 0-2,5"),
                wrong(
                        spec -> spec.oomScoreAdj(-1001),
                        "cannot set OOM score adjustment -1001: it is a number from -1000 to 1000"),
                wrong(
                        spec -> spec.withAutoRemove().restart(RestartPolicy.ALWAYS),
                        "cannot remove a container at its end and restart it too: choose one"),
                wrong(spec -> spec.tmpfs("/a").mount("data", "/a/"), "cannot mount twice at /a"),
                wrong(
                        spec -> spec.tmpfs("/"),
                        "cannot mount at '/': a target is absolute, without . and .., and not /"),
                wrong(
                        spec -> spec.tmpfs("/a/../b"),
                        "cannot mount at '/a/../b': a target is absolute, without . and .., and not /"),
                wrong(
                        spec -> spec.capAdd("net admin"),
                        "cannot use capability 'net admin': it is written as in NET_ADMIN or cap_net_admin"),
                wrong(
                        spec -> spec.device(new Device("/dev/fuse", "/dev/fuse", "rr")),
                        "cannot give device /dev/fuse with permissions 'rr': they are letters of rwm, each once"),
                wrong(
                        spec -> spec.security(now -> now.deviceRule("d 1:1 r")),
                        "cannot use device rule 'd 1:1 r': it is written as in c 10:200 rwm"),
                wrong(spec -> spec.label("", "x"), "cannot label a container: the label has no key"),
                wrong(
                        spec -> spec.health(HealthCheck.exec()),
                        "cannot check health with EXEC []: a shell form is one line, an exec form a program and arguments"),
                wrong(
                        spec -> spec.restart(RestartPolicy.onFailure(-1)),
                        "cannot restart ON_FAILURE at most -1 times: only on-failure has a number, and it is not negative"),
                wrong(spec -> spec.stopTimeout(Duration.ofSeconds(-1)), "cannot wait PT-1S for a stop: it is negative"),
                wrong(
                        spec -> spec.env("A=B", "1"),
                        "cannot set environment variable 'A=B': a name is not empty and has no '=', and neither has a NUL"),
                wrong(spec -> spec.command("a\0b"), "cannot pass argument 'a?b': it has a NUL"));
    }

    private static Arguments wrong(Function<ContainerSpec, ContainerSpec> change, String message) {
        return Arguments.of(change, message);
    }

    @ParameterizedTest(name = "{1}")
    @MethodSource
    void refused(Function<ContainerSpec, ContainerSpec> change, String message) {
        assertThatThrownBy(() -> change.apply(BASE))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(message);
    }
}
