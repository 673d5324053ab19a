package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class ContainerSpecTest {
    private static final ContainerSpec BASE = ContainerSpec.of("busybox");

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
        assertThat(spec.network()).isEqualTo(NetworkMode.HOST);
        assertThat(spec.noNetwork().network()).isEqualTo(NetworkMode.NONE);
        assertThat(spec.image()).isEqualTo("busybox");
    }

    @Test
    void emptyEntrypointDiffersFromNone() {
        assertThat(BASE.entrypoint()).isEmpty();
        assertThat(BASE.entrypoint(new String[0]).entrypoint()).contains(List.of());
    }

    @Test
    void defaultsConfineWithoutLimits() {
        assertThat(BASE.network()).isEqualTo(NetworkMode.NONE);
        assertThat(BASE.seccomp()).isEqualTo(SeccompProfile.standard());
        assertThat(BASE.memory().isUnlimited()).isTrue();
        assertThat(BASE.stopTimeout()).isEqualTo(Duration.ofSeconds(10));
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
