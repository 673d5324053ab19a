package dev.cais.examples;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.LogConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/**
 * {@code Benchmark IMAGE [ARCHIVE]}: what containers cost, in medians. With an archive, what unpacking its images costs too; they
 * should have no name that the store has already, since they are removed.
 *
 * <p>Everything is waited for: "removed" means that process, cgroup and directory are gone. System properties change the counts:
 * {@code rounds} of each short thing after a warm-up of as many, how {@code many} containers at once, how many are {@code watched},
 * how many run in a {@code row},
 * megabytes of {@code logs}, of a file to {@code copy}, and of what a container has written before it is cloned ({@code clone});
 * {@code only} names the parts to measure, as in {@code -Donly=start,copy}.
 */
public final class Benchmark {
    private static final int ROUNDS = Integer.getInteger("rounds", 100);
    private static final int MANY = Integer.getInteger("many", 50);
    private static final int MEASURED = 100;
    private static final int WATCHED = Integer.getInteger("watched", 200);
    private static final int IN_A_ROW = Integer.getInteger("row", 200);
    private static final int LOG_MEGABYTES = Integer.getInteger("logs", 200);
    private static final int COPY_MEGABYTES = Integer.getInteger("copy", 500);
    private static final int CLONE_MEGABYTES = Integer.getInteger("clone", 1000);
    private static final int AT_A_TIME = 4;

    private final Engine engine;
    private final ContainerSpec spec;

    private Benchmark(Engine engine, String image) {
        this.engine = engine;
        this.spec = ContainerSpec.of(image).noNetwork();
    }

    public static void main(String[] arguments) throws Exception {
        try (var engine = Engine.open()) {
            System.out.println(engine + ", Linux " + engine.info().kernel() + ", JDK " + Runtime.version());
            System.out.printf(Locale.ROOT, "%-44s %6s %10s %10s %10s  %s%n", "", "runs", "median", "min", "max", "");
            var benchmark = new Benchmark(engine, arguments[0]);
            Map<String, Part> parts = new LinkedHashMap<>();
            parts.put("start", benchmark::start);
            parts.put("exec", benchmark::exec);
            parts.put("attach", benchmark::attach);
            parts.put("many", benchmark::many);
            parts.put("stats", benchmark::stats);
            parts.put("watch", benchmark::watch);
            parts.put("row", benchmark::row);
            parts.put("logs", benchmark::logs);
            parts.put("copy", benchmark::copy);
            parts.put("clones", benchmark::clones);
            if (arguments.length > 1) {
                parts.put("unpack", () -> benchmark.unpack(Path.of(arguments[1])));
            }
            parts.keySet()
                    .retainAll(List.of(System.getProperty("only", String.join(",", parts.keySet()))
                            .split(",")));
            for (var part : parts.values()) {
                part.run();
            }
        }
    }

    /** What can be asked for by itself. */
    private interface Part {
        void run() throws Exception;
    }

    private void start() throws Exception {
        var command = spec.command("true");
        report("start to exit of true", ROUNDS, () -> engine.containers().run(command));
    }

    private void exec() throws Exception {
        try (var box = engine.containers().start(spec.command("sleep", "3600"))) {
            report("exec of true in a running container", ROUNDS, () -> box.exec("true"));
        }
    }

    private void attach() throws Exception {
        try (var box = engine.containers().start(spec.command("cat").openStdin());
                var attached = box.attach()) {
            var stdin = attached.stdin();
            var stdout = attached.stdout();
            report("attach: one byte in, the same byte out", 20 * ROUNDS, () -> {
                stdin.write('x');
                return stdout.read();
            });
        }
    }

    private void many() throws Exception {
        var starts = new double[5];
        var removals = new double[starts.length];
        var heap = 0L;
        for (var round = -1; round < starts.length; round++) { // the first is the warm-up
            var before = usedHeap();
            var begun = System.nanoTime();
            var boxes = atATime(MANY, () -> engine.containers().start(spec.command("sleep", "3600")));
            var started = System.nanoTime();
            heap = (usedHeap() - before) / MANY;
            var removing = System.nanoTime();
            var open = boxes.iterator();
            atATime(MANY, () -> {
                next(open).close();
                return true;
            });
            if (round >= 0) {
                starts[round] = milliseconds(started - begun);
                removals[round] = milliseconds(System.nanoTime() - removing);
            }
        }
        Timings.print(
                MANY + " containers started, " + AT_A_TIME + " at a time", starts, heap / 1024 + " KiB of heap each");
        Timings.print(MANY + " containers removed, " + AT_A_TIME + " at a time", removals, "");
    }

    /** Also how often the engine's own threads run while all containers sleep and nobody asks for anything. */
    private void stats() throws Exception {
        var before = usedHeap();
        var boxes = atATime(MEASURED, () -> engine.containers().start(spec.command("sleep", "3600")));
        var heap = (usedHeap() - before) / MEASURED;
        report(
                "stats of " + MEASURED + " containers",
                ROUNDS,
                () -> engine.containers().stats());
        Thread.sleep(1000);
        var first = turnsOfEngineThreads();
        Thread.sleep(5000);
        Timings.print(
                "wake-ups a second, " + MEASURED + " idle (no ms)",
                new double[] {(turnsOfEngineThreads() - first) / 5.0},
                heap / 1024 + " KiB of heap each");
        boxes.forEach(Container::close);
    }

    /** What it takes to look at all of them, and to be told of something that happened to each: a signal that changes nothing. */
    private void watch() throws Exception {
        var boxes = atATime(WATCHED, () -> engine.containers().start(spec.command("sleep", "3600")));
        var told = new Semaphore(0);
        try (var listening =
                engine.events().listen(EventFilter.ALL.action(EventAction.KILL), event -> told.release())) {
            report("stats and an event of each of " + WATCHED, ROUNDS, () -> {
                boxes.forEach(box -> box.kill("CONT"));
                told.acquire(WATCHED);
                return engine.containers().stats();
            });
        }
        boxes.forEach(Container::close);
    }

    /** How often those threads have been given a processor: the third number of their schedstat. */
    private static long turnsOfEngineThreads() throws IOException {
        var turns = 0L;
        try (var threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (var thread : threads) {
                try {
                    if (Files.readString(thread.resolve("comm")).startsWith("cais-")) {
                        turns += Long.parseLong(Files.readString(thread.resolve("schedstat"))
                                .strip()
                                .split(" ")[2]);
                    }
                } catch (IOException e) {
                    // it has ended since it was listed
                }
            }
        }
        return turns;
    }

    private void row() throws IOException {
        var command = spec.command("true");
        var used = processorTime();
        var begun = System.nanoTime();
        for (var round = 0; round < IN_A_ROW; round++) {
            engine.containers().run(command);
        }
        var took = milliseconds(System.nanoTime() - begun);
        var cost = (processorTime() - used) / IN_A_ROW;
        Timings.print(
                IN_A_ROW + " containers in a row",
                new double[] {took},
                String.format(Locale.ROOT, "%.2f ms of processor time each", cost));
    }

    private void logs() throws Exception {
        logs("local", 99, LOG_MEGABYTES);
        logs("local", 1, Math.max(1, LOG_MEGABYTES / 10));
        logs("json-file", 99, LOG_MEGABYTES);
    }

    private void logs(String driver, int width, int megabytes) throws Exception {
        var bytes = megabytes * 1_000_000L;
        var text = "y".repeat(width);
        var command = spec.command("sh", "-c", "yes " + text + " | head -c " + bytes)
                .logging(LogConfig.of(driver).option("max-size", "-1"));
        var times = new double[3];
        for (var round = 0; round < times.length; round++) {
            var begun = System.nanoTime();
            try (var box = engine.containers().start(command)) {
                box.await();
                times[round] = milliseconds(System.nanoTime() - begun);
                try (var stdout = box.logs().stdout()) {
                    var kept = stdout.transferTo(OutputStream.nullOutputStream());
                    if (kept != bytes) {
                        throw new IllegalStateException("the log has " + kept + " bytes of " + bytes);
                    }
                }
            }
        }
        var name = driver + " logs: " + megabytes + " MB in lines of " + (width + 1) + " bytes";
        Timings.print(name, times, Math.round(bytes / 1e3 / Timings.median(times)) + " MB/s");
    }

    /** Beside {@code cp} to the same file system, in turns; each file is removed before the next, which is not measured. */
    private void copy() throws Exception {
        var directory =
                Files.createTempDirectory(engine.info().store().toAbsolutePath().getParent(), "cais-benchmark");
        var source = directory.resolve("source");
        var target = directory.resolve("target");
        var atRest = new double[5];
        var running = new double[atRest.length];
        var plain = new double[atRest.length];
        try {
            writeRandom(source, COPY_MEGABYTES);
            for (var round = -1; round < plain.length; round++) { // the first is the warm-up
                var turn = Math.max(0, round);
                try (var box = engine.containers().create(spec.command("true"))) {
                    atRest[turn] = copy(box, source);
                }
                try (var box = engine.containers().start(spec.command("sleep", "3600"))) {
                    running[turn] = copy(box, source);
                }
                var begun = System.nanoTime();
                run("cp", source.toString(), target.toString());
                plain[turn] = milliseconds(System.nanoTime() - begun);
                Files.delete(target);
            }
        } finally {
            Files.deleteIfExists(target);
            Files.deleteIfExists(source);
            Files.delete(directory);
        }
        var what = "copy of a file of " + COPY_MEGABYTES + " MB, container ";
        Timings.print(what + "at rest", atRest, shareOf(plain, atRest));
        Timings.print(what + "runs", running, shareOf(plain, running));
        Timings.print("the same by cp", plain, "");
    }

    private static double copy(Container box, Path source) {
        var begun = System.nanoTime();
        box.copyIn(source, "/file");
        return milliseconds(System.nanoTime() - begun);
    }

    private static String shareOf(double[] theirs, double[] ours) {
        return String.format(
                Locale.ROOT, "%.0f %% of the speed of cp", 100 * Timings.median(theirs) / Timings.median(ours));
    }

    private static void writeRandom(Path file, int megabytes) throws IOException {
        try (var content = Files.newOutputStream(file)) {
            var random = new Random(1);
            var megabyte = new byte[1_000_000];
            for (var i = 0; i < megabytes; i++) {
                random.nextBytes(megabyte);
                content.write(megabyte);
            }
        }
    }

    private static void run(String... command) throws Exception {
        var code = new ProcessBuilder(command).inheritIO().start().waitFor();
        if (code != 0) {
            throw new IllegalStateException(String.join(" ", command) + " ended with " + code);
        }
    }

    /** A container that has written much, and is cloned without a copy. */
    private void clones() throws Exception {
        var write = "dd if=/dev/zero of=/written bs=1000000 count=" + CLONE_MEGABYTES;
        try (var origin = engine.containers().start(spec.command("sh", "-c", write))) {
            origin.await();
            var begun = System.nanoTime();
            try (var snapshot = origin.snapshot()) {
                Timings.print(
                        "snapshot of " + CLONE_MEGABYTES + " MB",
                        new double[] {milliseconds(System.nanoTime() - begun)},
                        "");
                origin.close();
                var plain = spec.command("true");
                var clone = ContainerSpec.of(snapshot).noNetwork().command("true");
                report(
                        "start to exit of true, again",
                        ROUNDS,
                        () -> engine.containers().run(plain));
                report("the same in a clone", ROUNDS, () -> engine.containers().run(clone));
            }
        }
    }

    private void unpack(Path archive) throws IOException {
        var times = new double[5];
        for (var round = 0; round < times.length; round++) {
            var begun = System.nanoTime();
            var images = engine.images().load(archive);
            times[round] = milliseconds(System.nanoTime() - begun);
            images.forEach(image -> image.remove());
        }
        Timings.print("load of " + archive.getFileName(), times, Files.size(archive) / 1_000_000 + " MB");
    }

    private static void report(String name, int rounds, Callable<?> step) throws Exception {
        var times = new double[rounds];
        for (var round = -rounds; round < rounds; round++) {
            var begun = System.nanoTime();
            step.call();
            if (round >= 0) {
                times[round] = milliseconds(System.nanoTime() - begun);
            }
        }
        Timings.print(name, times, "");
    }

    private static <T> List<T> atATime(int count, Callable<T> step) throws Exception {
        var threads = Executors.newFixedThreadPool(AT_A_TIME);
        try {
            var steps = new ArrayList<Callable<T>>();
            for (var i = 0; i < count; i++) {
                steps.add(step);
            }
            var results = new ArrayList<T>();
            for (var result : threads.invokeAll(steps)) {
                results.add(result.get());
            }
            return results;
        } finally {
            threads.shutdown();
        }
    }

    private static Container next(Iterator<Container> open) {
        synchronized (open) {
            return open.next();
        }
    }

    private static long usedHeap() {
        System.gc();
        var runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    /** User and system time of this JVM and of the children it has reaped, in milliseconds (in steps of 10). */
    private static double processorTime() throws IOException {
        var stat = Files.readString(Path.of("/proc/self/stat"));
        var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        var ticks = 0L;
        for (var field = 11; field <= 14; field++) {
            ticks += Long.parseLong(fields[field]);
        }
        return ticks * 10.0;
    }

    private static double milliseconds(long nanoseconds) {
        return nanoseconds / 1e6;
    }
}
