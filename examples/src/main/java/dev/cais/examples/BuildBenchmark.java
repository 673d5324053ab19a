package dev.cais.examples;

import dev.cais.BuildOutput;
import dev.cais.BuildPruneOptions;
import dev.cais.BuildSpec;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.Image;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * {@code BuildBenchmark IMAGE}: what builds cost, in medians, for {@code FROM IMAGE}, a RUN, a COPY of many files and another RUN. The
 * image must be in the store; its {@code sh}, {@code ls} and {@code dd} are used.
 *
 * <p>Before each cold build the build cache and the last image are removed, which is not measured. System properties change the
 * counts: {@code rounds}, {@code files} in the context, {@code kilobytes} of each, half of it incompressible; megabytes that a RUN writes
 * ({@code run}). {@code context} names a directory with a Dockerfile to be built instead of that. {@code peer.cold}, {@code peer.clean} and
 * {@code peer.cached} are commands of another builder that take turns with ours; {@code peer.clean} goes before each cold one, unmeasured.
 */
public final class BuildBenchmark {
    private static final int ROUNDS = Integer.getInteger("rounds", 5);
    private static final int FILES = Integer.getInteger("files", 5000);
    private static final int KILOBYTES = Integer.getInteger("kilobytes", 10);
    private static final int RUN_MEGABYTES = Integer.getInteger("run", 500);

    private static final String TAG = "cais-build-benchmark";

    private final Engine engine;
    private final Path context;
    private final BuildSpec spec;

    private BuildBenchmark(Engine engine, Path context) {
        this.engine = engine;
        this.context = context;
        this.spec = BuildSpec.of(context).tag(TAG);
    }

    public static void main(String[] arguments) throws Exception {
        var given = System.getProperty("context");
        var own = Files.createTempDirectory("cais-builds");
        try (var engine = Engine.open()) {
            System.out.println(engine + ", Linux " + engine.info().kernel() + ", JDK " + Runtime.version());
            System.out.printf(Locale.ROOT, "%-44s %6s %10s %10s %10s  %s%n", "", "runs", "median", "min", "max", "");
            if (given == null) {
                write(own, arguments[0]);
            }
            var benchmark = new BuildBenchmark(engine, given == null ? own : Path.of(given));
            benchmark.cold();
            benchmark.cached();
            benchmark.changed(own);
            benchmark.bigStep(own, arguments[0]);
        } finally {
            remove(own);
        }
    }

    /** The first build of this JVM stands for itself. */
    private void cold() throws Exception {
        var times = new double[ROUNDS];
        var theirs = new double[ROUNDS];
        var heap = 0L;
        for (var round = -1; round < ROUNDS; round++) {
            forget();
            var before = usedHeap();
            pools().forEach(MemoryPoolMXBean::resetPeakUsage);
            var begun = System.nanoTime();
            engine.images().build(spec);
            var took = milliseconds(begun);
            heap = Math.max(heap, peakHeap() - before);
            if (round < 0) {
                Timings.print("cold build, the first of this JVM", new double[] {took}, "");
                continue;
            }
            times[round] = took;
            run(peer("clean"));
            theirs[round] = time(peer("cold"));
        }
        Timings.print("cold build", times, String.format(Locale.ROOT, "at most %.1f MB more on the heap", heap / 1e6));
        against("cold", theirs, times);
    }

    private void cached() throws Exception {
        var times = new double[2 * ROUNDS];
        var theirs = new double[times.length];
        for (var round = -times.length; round < times.length; round++) {
            var begun = System.nanoTime();
            engine.images().build(spec);
            if (round >= 0) {
                times[round] = milliseconds(begun);
                theirs[round] = time(peer("cached"));
            }
        }
        Timings.print("cached build", times, "");
        against("cached", theirs, times);
    }

    private void changed(Path own) throws Exception {
        if (!context.equals(own)) {
            return;
        }
        var times = new double[ROUNDS];
        for (var round = -2; round < ROUNDS; round++) {
            Files.writeString(context.resolve("src/07/changed"), "round " + round);
            var begun = System.nanoTime();
            engine.images().build(spec);
            times[Math.max(0, round)] = milliseconds(begun);
        }
        Timings.print("build with one file changed", times, "");
    }

    private void bigStep(Path own, String image) throws Exception {
        if (RUN_MEGABYTES == 0) {
            return;
        }
        var directory = Files.createDirectory(own.resolve("big"));
        var half = RUN_MEGABYTES / 2;
        var program = "dd if=/dev/urandom of=/big bs=1000000 count=" + half
                + " 2>/dev/null; dd if=/dev/zero bs=1000000 count=" + (RUN_MEGABYTES - half) + " 2>/dev/null >>/big";
        Files.writeString(directory.resolve("Dockerfile"), "FROM " + image + "\nRUN " + program + "\n");
        var step = BuildSpec.of(directory).tag(TAG);
        var times = new double[3];
        var packing = new double[times.length];
        var processors = 0.0;
        for (var round = 0; round < times.length; round++) {
            forget();
            var begun = System.nanoTime();
            engine.images().build(step);
            times[round] = milliseconds(begun);
            var layout = own.resolve("layout-" + round);
            var used = processorTime();
            begun = System.nanoTime();
            engine.images().build(step.output(BuildOutput.ociLayout(layout)));
            packing[round] = milliseconds(begun);
            processors = Math.max(processors, (processorTime() - used) / 1e6 / packing[round]);
            remove(layout);
        }
        var alone = new double[3];
        for (var round = 0; round < alone.length; round++) {
            var begun = System.nanoTime();
            engine.containers().run(ContainerSpec.of(image).noNetwork().command("sh", "-c", program));
            alone[round] = milliseconds(begun);
        }
        Timings.print("RUN that writes " + RUN_MEGABYTES + " MB", times, "");
        Timings.print("the same program in a container", alone, "");
        Timings.print(
                "its image compressed into an OCI layout",
                packing,
                String.format(Locale.ROOT, "%.2f processors at work", processors));
    }

    /** Of this JVM, in nanoseconds. */
    private static long processorTime() {
        var system = ManagementFactory.getOperatingSystemMXBean();
        return ((com.sun.management.OperatingSystemMXBean) system).getProcessCpuTime();
    }

    /** So that the next build knows nothing. */
    private void forget() {
        engine.images().find(TAG).ifPresent(Image::remove);
        engine.images().pruneBuildCache(BuildPruneOptions.all());
    }

    private static void write(Path context, String image) throws IOException {
        var random = new Random(3);
        var content = new byte[KILOBYTES * 1000];
        var text =
                "some text that compresses well\n".repeat(content.length / 31).getBytes(StandardCharsets.US_ASCII);
        for (var i = 0; i < FILES; i++) {
            var directory = Files.createDirectories(context.resolve("src").resolve(String.format("%02d", i % 100)));
            random.nextBytes(content);
            System.arraycopy(text, 0, content, 0, content.length / 2);
            Files.write(directory.resolve("f" + i), content);
        }
        Files.writeString(context.resolve("Dockerfile"), """
                FROM %s
                RUN echo hello >/hello
                COPY src /src
                RUN ls -R /src >/list && wc -l /list
                """.formatted(image));
    }

    private static void remove(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    private static String peer(String what) {
        return System.getProperty("peer." + what, "");
    }

    private static double time(String command) throws Exception {
        var begun = System.nanoTime();
        run(command);
        return milliseconds(begun);
    }

    private static void run(String command) throws Exception {
        if (!command.isEmpty()) {
            var process = new ProcessBuilder("sh", "-c", command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (process.waitFor() != 0) {
                throw new IllegalStateException(command + " ended with " + process.exitValue());
            }
        }
    }

    private static List<MemoryPoolMXBean> pools() {
        return ManagementFactory.getMemoryPoolMXBeans().stream()
                .filter(pool -> pool.getType() == MemoryType.HEAP)
                .toList();
    }

    private static long peakHeap() {
        return pools().stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
    }

    private static long usedHeap() {
        System.gc();
        return pools().stream().mapToLong(pool -> pool.getUsage().getUsed()).sum();
    }

    private static void against(String what, double[] theirs, double[] ours) {
        if (!peer(what).isEmpty()) {
            Timings.print(
                    "the peer's " + what + " build",
                    theirs,
                    String.format(Locale.ROOT, "%.1f times ours", Timings.median(theirs) / Timings.median(ours)));
        }
    }

    private static double milliseconds(long begun) {
        return (System.nanoTime() - begun) / 1e6;
    }
}
