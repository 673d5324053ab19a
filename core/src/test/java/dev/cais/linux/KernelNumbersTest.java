package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.ToIntFunction;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Compares our numbers with those of the kernel's headers, as packages of the distribution install them. */
class KernelNumbersTest {
    private static final Pattern DEFINE = Pattern.compile("#define\\s+(\\w+)\\s+(\\d+)\\b.*");

    /** A number in C, alone or shifted to the left. */
    private static final Pattern VALUE = Pattern.compile(
            "#define\\s+(\\w+)\\s+\\(?(0x[0-9a-fA-F]+|\\d+)[uUlL]*(?:\\s*<<\\s*(\\d+))?\\)?\\s*(?:/\\*.*)?");

    /** Flags of open(2) that the generic header gives for x86-64 only. */
    private static final Set<String> MACHINES_OWN = Set.of("O_DIRECT", "O_LARGEFILE", "O_DIRECTORY", "O_NOFOLLOW");

    @Test
    void systemCallsHaveTheNumbersOfX86() throws IOException {
        compare("__NR_", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", Syscall::x86_64);
    }

    @Test
    void systemCallsHaveTheNumbersOfAarch64() throws IOException {
        compare("__NR_", "/usr/include/asm-generic/unistd.h", Syscall::aarch64);
    }

    private static void compare(String prefix, String header, ToIntFunction<Syscall> number) throws IOException {
        var defined = defines(header);
        var known = Arrays.stream(Syscall.values())
                .filter(call -> defined.containsKey(prefix + call)) // the header may be older than a call
                .toList();
        assertThat(known).hasSizeGreaterThan(Syscall.values().length * 9 / 10);
        assertThat(known)
                .allSatisfy(call ->
                        assertThat(number.applyAsInt(call)).as(call.toString()).isEqualTo(defined.get(prefix + call)));
    }

    @Test
    void errorNumbersHaveTheNamesOfTheHeaders() throws IOException {
        var defined = new HashMap<>(defines("/usr/include/asm-generic/errno-base.h"));
        defined.putAll(defines("/usr/include/asm-generic/errno.h"));
        defined.put("ENOTSUP", defined.remove("EOPNOTSUPP")); // one number, two names
        defined.put("EDEADLOCK", defined.remove("EDEADLK"));

        assertThat(defined).allSatisfy((name, number) -> {
            assertThat(Errno.of(number).name()).isEqualTo(name);
            assertThat(Errno.of(-number)).isSameAs(Errno.of(number));
        });
    }

    @Test
    void constantsHaveTheValuesOfTheHeaders() throws Exception {
        var defined = new HashMap<String, Long>();
        for (var header : List.of(
                "asm-generic/fcntl.h",
                "asm-generic/ioctls.h",
                "asm-generic/mman-common.h",
                "asm-generic/poll.h",
                "asm-generic/resource.h",
                "asm-generic/signal.h",
                "asm-generic/socket.h",
                "linux/fcntl.h",
                "linux/memfd.h",
                "linux/mount.h",
                "linux/openat2.h",
                "linux/prctl.h",
                "linux/sched.h",
                "linux/securebits.h",
                "linux/stat.h",
                "linux/wait.h")) {
            defined.putAll(values("/usr/include/" + header));
        }
        var compared = 0;
        for (var field : Abi.class.getFields()) {
            var expected = defined.get(field.getName());
            if (expected != null
                    && (System.getProperty("os.arch").equals("amd64") || !MACHINES_OWN.contains(field.getName()))) {
                assertThat(((Number) Objects.requireNonNull(field.get(null))).longValue())
                        .as(field.getName())
                        .isEqualTo(expected);
                compared++;
            }
        }
        assertThat(compared).isGreaterThan(100);
    }

    @Test
    void unknownErrorNumberIsNamedSo() {
        assertThat(Errno.of(4000)).isSameAs(Errno.UNKNOWN);
        assertThat(Errno.of(0)).isSameAs(Errno.UNKNOWN);
    }

    private static Map<String, Long> values(String header) throws IOException {
        assumeTrue(Files.exists(Path.of(header)), "needs " + header + ", as in Debian's linux-libc-dev.");
        var values = new HashMap<String, Long>();
        for (var line : Files.readAllLines(Path.of(header), StandardCharsets.ISO_8859_1)) {
            var define = VALUE.matcher(line);
            if (define.matches()) {
                var number = Long.decode(define.group(2));
                values.put(
                        define.group(1), define.group(3) == null ? number : number << Long.parseLong(define.group(3)));
            }
        }
        return values;
    }

    private static Map<String, Integer> defines(String header) throws IOException {
        assumeTrue(Files.exists(Path.of(header)), "needs " + header + ", as in Debian's linux-libc-dev.");
        var numbers = new HashMap<String, Integer>();
        for (var line : Files.readAllLines(Path.of(header))) {
            var define = DEFINE.matcher(line);
            if (define.matches()) {
                numbers.put(
                        define.group(1).replace("__NR3264_", "__NR_").replace("__NR_fadvise64_64", "__NR_fadvise64"),
                        Integer.parseInt(define.group(2)));
            }
        }
        return numbers;
    }
}
