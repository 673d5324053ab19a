package dev.cais.runtime.launch;

import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Syscall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A JVM that starts programs under the conditions it finds. Arguments: the directory for executable files; how many programs to
 * start while other threads start processes by the JDK.
 */
final class Starting {
    private static final int PATH = 256;

    private Starting() {}

    public static void main(String[] arguments) throws Exception {
        System.out.println("SIGCHLD " + (sigchldIsIgnored() ? "ignored" : "not ignored"));
        var run = Run.of(new Launch(Path.of(arguments[0])), whereAmI());
        System.out.println(run.output() + ", " + run.exit());
        var exits = storm(new Launch(Path.of(arguments[0])), Integer.parseInt(arguments[1]));
        System.out.println(exits + " more");
    }

    /** Writes where its executable file is, and exits with 7. */
    private static LaunchProgram whereAmI() {
        var program = LaunchProgram.builder();
        var path = program.reserve(PATH);
        return program.step(
                        Syscall.READLINKAT, Arg.of(Abi.AT_FDCWD), program.text("/proc/self/exe"), path, Arg.of(PATH))
                .step(Syscall.WRITE, Arg.of(1), path, program.result())
                .exit(7)
                .build();
    }

    private static boolean sigchldIsIgnored() throws IOException {
        var ignored = Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("SigIgn:"))
                .findFirst()
                .orElseThrow();
        return (Long.parseUnsignedLong(ignored.substring(7).strip(), 16) & 1L << Abi.SIGCHLD - 1) != 0;
    }

    private static int storm(Launch launch, int programs) throws IOException, InterruptedException {
        var done = new AtomicBoolean();
        var other = new Thread(() -> {
            while (!done.get()) {
                try {
                    new ProcessBuilder("/bin/true").start().waitFor();
                } catch (IOException | InterruptedException e) {
                    throw new AssertionError(e);
                }
            }
        });
        other.start();
        var succeeded = 0;
        try (Fd nothing = Run.open("/dev/null")) {
            for (var i = 0; i < programs; i++) {
                try (Pidfd child = launch.start(
                        "cannot start the test's program",
                        LaunchProgram.builder().exit(7).build(),
                        Map.of(0, nothing, 1, nothing, 2, nothing))) {
                    succeeded +=
                            child.await("cannot wait for the test's program").code() == 7 ? 1 : 0;
                }
            }
        } finally {
            done.set(true);
            other.join();
        }
        return succeeded;
    }
}
