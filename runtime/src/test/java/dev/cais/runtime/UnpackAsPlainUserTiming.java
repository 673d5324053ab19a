package dev.cais.runtime;

import dev.cais.fixtures.PlainUser;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.TestStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Times the import of a root file system by an engine of root's, one of a plain user's with subordinate ids, one with one id, and by
 * Podman as that user and as root: {@code UnpackAsPlainUserTiming ROOTFS.tar RUNS}. Not a test; {@code storage/README.md} says what came out.
 */
final class UnpackAsPlainUserTiming {
    private UnpackAsPlainUserTiming() {}

    public static void main(String[] arguments) throws Exception {
        var tar = Path.of(arguments[0]);
        if (arguments.length > 2) {
            time(arguments[2], tar, Integer.parseInt(arguments[1]));
            return;
        }
        time("root", tar, Integer.parseInt(arguments[1]));
        for (var subordinates : List.of(true, false)) {
            try (var user = PlainUser.create(subordinates);
                    var jvm = user.start(
                            UnpackAsPlainUserTiming.class,
                            tar.toString(),
                            arguments[1],
                            subordinates ? "subordinate ids" : "one id")) {
                for (var line = jvm.readLine(); !line.equals("end"); line = jvm.readLine()) {
                    System.out.println(line);
                }
                jvm.await(Duration.ofSeconds(60));
            }
        }
    }

    private static void time(String who, Path tar, int runs) throws Exception {
        var home = Files.createTempDirectory(Path.of("/dev/shm"), "t");
        var cais = new ArrayList<Double>();
        var removal = new ArrayList<Double>();
        var podman = new ArrayList<Double>();
        for (var run = 0; run < runs; run++) {
            try (var engine = new TestStore(home.resolve("store")).openEngine()) {
                cais.add(millis(() -> engine.images().importRootfs(tar, "debian")));
                removal.add(millis(() -> engine.images().remove("debian")));
            }
            if (!who.equals("one id")) {
                var options = List.of("podman", "--root=" + home + "/p", "--runroot=" + home + "/r");
                podman.add(millis(() -> run(options, "import", "-q", tar.toString(), "debian")));
                run(options, "rmi", "debian");
            }
        }
        report(who + ", import", cais);
        report(who + ", removal", removal);
        if (!podman.isEmpty()) {
            report(who + ", podman import", podman);
            Programs.run("podman", "--root=" + home + "/p", "--runroot=" + home + "/r", "system", "reset", "-f");
        }
        System.out.println("end");
    }

    private static double millis(Runnable what) {
        var start = System.nanoTime();
        what.run();
        return (System.nanoTime() - start) / 1e6;
    }

    private static void run(List<String> options, String... more) {
        var command = new ArrayList<>(options);
        command.addAll(List.of(more));
        Programs.output(command.toArray(String[]::new));
    }

    private static void report(String what, List<Double> times) {
        var sorted = times.stream().sorted().toList();
        System.out.printf(
                Locale.ROOT,
                "%-32s median %.0f ms, min %.0f, max %.0f, %d runs%n",
                what,
                sorted.get(sorted.size() / 2),
                sorted.get(0),
                sorted.get(sorted.size() - 1),
                sorted.size());
    }
}
