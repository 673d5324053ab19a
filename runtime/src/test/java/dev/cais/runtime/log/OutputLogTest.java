package dev.cais.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.LogConfig;
import dev.cais.LogLine;
import dev.cais.LogOrigin;
import dev.cais.LogStream;
import dev.cais.StorageException;
import dev.cais.fixtures.Eventually;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class OutputLogTest {
    static final LogOrigin ORIGIN = new LogOrigin(
            "0123456789abcdef".repeat(4),
            "web",
            "busybox",
            Digest.parse("sha256:" + "5a".repeat(32)),
            Map.of("tier", "front"),
            Map.of("MODE", "test"));

    @TempDir
    Path directory;

    private final NativeMemory buffer = NativeMemory.allocate(OutputLog.HEADER + (1 << 20));
    private final List<OutputLog> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(OutputLog::close);
    }

    private void append(OutputLog log, LogStream stream, String text) {
        append(log, stream, text.getBytes(StandardCharsets.UTF_8));
    }

    private void append(OutputLog log, LogStream stream, byte[] bytes) {
        buffer.bytes().put(OutputLog.HEADER, bytes);
        log.append(stream, buffer, bytes.length);
    }

    private OutputLog local(String... options) {
        return log("local", options);
    }

    private OutputLog log(String driver, String... options) {
        var config = LogConfig.of(driver);
        for (var i = 0; i < options.length; i += 2) {
            config = config.option(options[i], options[i + 1]);
        }
        var log = OutputLog.of(directory, ORIGIN, config, new LogDrivers(List.of()), false);
        opened.add(log);
        return log;
    }

    private static List<String> texts(java.util.stream.Stream<LogLine> lines) {
        return lines.map(LogLine::text).toList();
    }

    @Test
    void aSilentProcessLeavesNoFile() {
        var log = local();
        log.begin();
        log.complete();

        assertThat(directory).isEmptyDirectory();
        assertThat(log.logs().lines()).isEmpty();
        assertThat(log.logs().follow().lines()).isEmpty();
    }

    @Test
    void linesAreJoinedAcrossChunksAndStreamsStayApart() {
        for (var driver : List.of("local", "json-file")) {
            var log = log(driver);
            append(log, LogStream.STDOUT, "one\ntw");
            append(log, LogStream.STDERR, "oops\n");
            append(log, LogStream.STDOUT, "o\n\nlast");
            log.complete();

            assertThat(log.logs().lines())
                    .extracting(LogLine::stream, LogLine::text)
                    .containsExactly(
                            tuple(LogStream.STDOUT, "one"),
                            tuple(LogStream.STDERR, "oops"),
                            tuple(LogStream.STDOUT, "two"),
                            tuple(LogStream.STDOUT, ""),
                            tuple(LogStream.STDOUT, "last"));
            assertThat(log.logs().stdout()).hasContent("one\ntwo\n\nlast");
            assertThat(log.logs().stderr()).hasContent("oops\n");
            assertThat(texts(log.logs().only(LogStream.STDERR).lines())).containsExactly("oops");
        }
    }

    @Test
    void aLineHasTheTimeOfTheChunkItBeganIn() {
        for (var driver : List.of("local", "json-file")) {
            var log = log(driver);
            append(log, LogStream.STDOUT, "begun");
            var between = Instant.now();
            append(log, LogStream.STDOUT, " ended\n");
            log.complete();

            assertThat(log.logs().lines()).singleElement().satisfies(line -> {
                assertThat(line.text()).isEqualTo("begun ended");
                assertThat(line.time()).isBeforeOrEqualTo(between);
                assertThat(line.timestamped()).isEqualTo(line.time() + " begun ended");
            });
        }
    }

    @Test
    void aFollowerGetsWhatComesLaterAndEndsWithTheRun() throws Exception {
        var log = local();
        var lines = new LinkedBlockingQueue<String>();
        // before the first run: nothing is missed
        var follower =
                CompletableFuture.runAsync(() -> log.logs().follow().lines().forEach(line -> lines.add(line.text())));
        log.begin();
        append(log, LogStream.STDOUT, "a\n");
        assertThat(lines.poll(60, TimeUnit.SECONDS)).isEqualTo("a");
        append(log, LogStream.STDOUT, "b");
        log.complete();

        follower.get(60, TimeUnit.SECONDS);
        assertThat(lines).containsExactly("b");
        assertThat(texts(log.logs().follow().lines())).containsExactly("a", "b");
    }

    @Test
    void theLogGoesOnOverRuns() throws Exception {
        var log = local();
        log.begin();
        append(log, LogStream.STDOUT, "first\n");
        log.complete();
        log.begin();
        append(log, LogStream.STDOUT, "second\n");
        var lines = new LinkedBlockingQueue<String>();
        var follower = CompletableFuture.runAsync(
                () -> log.logs().follow().tail(1).lines().forEach(line -> lines.add(line.text())));
        assertThat(lines.poll(60, TimeUnit.SECONDS)).isEqualTo("second");
        append(log, LogStream.STDOUT, "third\n");
        log.complete();

        follower.get(60, TimeUnit.SECONDS);
        assertThat(lines).containsExactly("third");
        assertThat(texts(log.logs().lines())).containsExactly("first", "second", "third");
    }

    @Test
    void aFollowerIsEndedByClosingAndByInterruption() throws Exception {
        var log = local();
        log.begin();
        append(log, LogStream.STDOUT, "a\n");
        var stream = log.logs().follow().lines();
        var met = new CountDownLatch(1);
        var follower = CompletableFuture.supplyAsync(
                () -> stream.peek(line -> met.countDown()).count());
        met.await();
        stream.close();
        assertThat(follower.get(60, TimeUnit.SECONDS)).isEqualTo(1);

        var bytes = log.logs().follow().stdout();
        assertThat(bytes.readNBytes(2)).isEqualTo(new byte[] {'a', '\n'});
        var reading = CompletableFuture.supplyAsync(() -> read(bytes));
        bytes.close();
        assertThat(reading.get(60, TimeUnit.SECONDS)).isEqualTo(-1);

        var failure = new CompletableFuture<Throwable>();
        var interrupted = new Thread(() -> {
            try {
                log.logs()
                        .follow()
                        .lines()
                        .forEach(line -> Thread.currentThread().interrupt());
            } catch (CancelledException e) {
                failure.complete(Thread.currentThread().isInterrupted() ? e : new AssertionError("flag was cleared"));
            }
        });
        interrupted.start();
        assertThat(failure.get(60, TimeUnit.SECONDS))
                .isInstanceOf(CancelledException.class)
                .hasMessage(
                        "cannot go on reading the log " + directory.resolve("log") + ": the thread was interrupted");
    }

    private static int read(java.io.InputStream bytes) {
        try {
            return bytes.read();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void outputThatTheDiskDoesNotTakeIsCountedAndTheRestIsThere() throws IOException {
        var file = Files.createFile(directory.resolve("file"));
        var log = OutputLog.captured("web", file.resolve("log"));
        append(log, LogStream.STDOUT, "lost");
        log.complete();
        var why = "cannot keep the output of a process in " + file.resolve("log")
                + ": ENOTDIR (not a directory) [kept=0]; what it wrote after that is lost; make room in the store";

        assertThat(log.logs().lines()).isEmpty();
        assertThat(log.logs().status().lost()).isEqualTo(4);
        assertThat(log.logs().status().problem()).isEqualTo(why);
        assertThatThrownBy(log::requireWhole)
                .isInstanceOf(StorageException.class)
                .hasMessage(why);
    }

    @Test
    void filesRotateAndTheOldestGo() throws IOException {
        for (var driver : List.of("local", "json-file")) {
            var log = log(driver, "max-size", "1k", "max-file", "3");
            for (var i = 0; i < 1000; i++) {
                append(log, LogStream.STDOUT, "line %04d\n".formatted(i));
            }
            log.complete();
            var newest = log.logs().status().file().orElseThrow();
            var kept = texts(log.logs().lines());

            assertThat(newest).isRegularFile();
            assertThat(newest.resolveSibling(newest.getFileName() + ".1")).isRegularFile();
            assertThat(newest.resolveSibling(newest.getFileName() + ".2")).isRegularFile();
            assertThat(newest.resolveSibling(newest.getFileName() + ".3")).doesNotExist();
            assertThat(Files.size(newest.resolveSibling(newest.getFileName() + ".1")))
                    .isBetween(1000L, 1100L);
            assertThat(kept).endsWith("line 0998", "line 0999").hasSizeBetween(20, 130);
            assertThat(kept)
                    .isEqualTo(IntStream.range(1000 - kept.size(), 1000)
                            .mapToObj("line %04d"::formatted)
                            .toList());
            assertThat(texts(log.logs().tail(15).lines())).isEqualTo(kept.subList(kept.size() - 15, kept.size()));
            log.delete();
            assertThat(directory).isEmptyDirectory();
        }
    }

    @Test
    void aFollowerReadsOnWhileFilesAreRenamedUnderIt() throws Exception {
        for (var driver : List.of("local", "json-file")) {
            var log = log(driver, "max-size", "2k", "max-file", "1000");
            log.begin();
            var follower = CompletableFuture.supplyAsync(
                    () -> texts(log.logs().follow().lines()));
            var expected = new ArrayList<String>();
            for (var i = 0; i < 5000; i++) {
                expected.add("line " + i);
                append(log, LogStream.STDOUT, "line " + i + "\n");
            }
            log.complete();

            assertThat(follower.get(60, TimeUnit.SECONDS)).isEqualTo(expected);
            log.delete();
        }
    }

    @Test
    void aReaderThatIsOvertakenGoesOnWithTheOldestThereIs() {
        var log = local("max-size", "1k", "max-file", "2");
        log.begin();
        append(log, LogStream.STDOUT, "0\n");
        var missed = 0L;
        var reader = log.read(true);
        assertThat(reader.next().orElseThrow().content()).isEqualTo(new byte[] {'0', '\n'});
        for (var i = 1; i < 1000; i++) {
            append(log, LogStream.STDOUT, i % 10 + "\n");
        }
        log.complete();
        var read = 2L;
        for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
            read += chunk.get().content().length;
            missed += chunk.get().lost();
        }

        assertThat(missed).isPositive();
        assertThat(read + missed).isEqualTo(2000);
    }

    /** Compares what is found from the end or by time with what is found in all lines. */
    @Test
    void lastLinesAndThoseOfATimeAreWhatAllLinesSay() throws Exception {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var driver : List.of("local", "json-file")) {
            var log = log(driver, "max-size", "1m", "max-file", "4");
            var moments = new ArrayList<Instant>();
            for (var i = 0; i < 250; i++) {
                var stream = LogStream.values()[random.nextInt(8) == 0 ? 1 : 0];
                append(log, stream, text(random));
                moments.add(Instant.now());
            }
            log.complete();
            var all = log.logs().lines().toList();
            assertThat(all).as("seed %d", seed).hasSizeGreaterThan(1000);

            for (var i = 0; i < 20; i++) {
                var since = moments.get(random.nextInt(moments.size()));
                var until = random.nextBoolean() ? since.plusNanos(random.nextInt(20_000_000)) : Instant.MAX;
                var only = List.of(LogStream.values()).subList(0, 1 + random.nextInt(2));
                var tail = random.nextInt(4) == 0 ? random.nextInt(20_000) : random.nextInt(50);
                var expected = all.stream()
                        .filter(line -> !line.time().isBefore(since)
                                && !line.time().isAfter(until)
                                && only.contains(line.stream()))
                        .toList();
                var logs = log.logs().since(since).until(until);
                var narrowed = only.size() == 1 ? logs.only(LogStream.STDOUT) : logs;
                var last = expected.subList(Math.max(0, expected.size() - tail), expected.size());

                assertThat(texts(narrowed.lines())).as("seed %d", seed).isEqualTo(texts(expected.stream()));
                assertThat(texts(narrowed.tail(tail).lines()))
                        .as("seed %d, tail %d", seed, tail)
                        .isEqualTo(texts(last.stream()));
                var lastOfAll = all.subList(Math.max(0, all.size() - tail), all.size());
                assertThat(texts(log.logs().tail(tail).lines())).isEqualTo(texts(lastOfAll.stream()));
            }
            log.delete();
        }
    }

    /** Lines of all lengths, some of them over several chunks. */
    private static String text(Random random) {
        var text = new StringBuilder();
        var length = random.nextInt(40) == 0 ? 200_000 : 1 + random.nextInt(30_000); // a pipe never gives nothing
        while (text.length() < length) {
            var line = random.nextInt(20) == 0 ? 30_000 : random.nextInt(300);
            text.append(random.nextInt()).append("x".repeat(line));
            if (random.nextInt(10) > 0) {
                text.append('\n');
            }
        }
        return text.toString();
    }

    @Test
    void narrowedBytesAreThoseOfWholeLines() {
        var log = local();
        append(log, LogStream.STDOUT, "a\nb\n");
        append(log, LogStream.STDERR, "e\n");
        append(log, LogStream.STDOUT, "c");
        log.complete();

        assertThat(log.logs().tail(3).stdout()).hasContent("b\nc");
        assertThat(log.logs().tail(3).stderr()).hasContent("e\n");
        assertThat(log.logs().tail(0).lines()).isEmpty();
        assertThatThrownBy(() -> log.logs().tail(-1))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read the last -1 lines of a log: it is negative");
    }

    @Test
    void sinceAndUntilIncludeTheTimeItself() throws Exception {
        var log = local();
        append(log, LogStream.STDOUT, "a\n");
        Thread.sleep(2);
        append(log, LogStream.STDOUT, "b\n");
        Thread.sleep(2);
        append(log, LogStream.STDOUT, "c\n");
        log.complete();
        var b = log.logs().lines().toList().get(1).time();

        assertThat(texts(log.logs().since(b).lines())).containsExactly("b", "c");
        assertThat(texts(log.logs().until(b).lines())).containsExactly("a", "b");
        assertThat(texts(log.logs().since(b).until(b).lines())).containsExactly("b");
        assertThat(texts(log.logs().since(b.plusNanos(1)).lines())).containsExactly("c");
        assertThat(texts(log.logs().until(b.minusNanos(1)).lines())).containsExactly("a");
        assertThat(texts(log.logs().since(Instant.MIN).until(Instant.MAX).lines()))
                .containsExactly("a", "b", "c");
        assertThat(texts(log.logs().since(Instant.MAX).lines())).isEmpty();
    }

    @Test
    void followingEndsAtAGivenTime() {
        var log = local();
        log.begin();
        append(log, LogStream.STDOUT, "a\n");

        assertThat(texts(log.logs().follow().until(Instant.now().plusMillis(50)).lines()))
                .containsExactly("a");
    }

    @Test
    void aLineWithoutEndDoesNotFillTheMemory() {
        var log = local("max-size", "-1");
        var part = "x".repeat(700_000);
        append(log, LogStream.STDOUT, part);
        append(log, LogStream.STDOUT, part);
        append(log, LogStream.STDOUT, part + "\n");
        log.complete();

        assertThat(log.logs().lines().map(line -> line.bytes().length)).containsExactly(1 << 20, 1 << 20, 2848);
        assertThat(log.logs().tail(1).lines().map(line -> line.bytes().length)).containsExactly(2848);
    }

    @Test
    void nothingIsKeptByTheDriverNone() {
        var log = log("none");
        append(log, LogStream.STDOUT, "a\n");
        log.complete();

        assertThat(directory).isEmptyDirectory();
        assertThat(log.logs().status().stdout()).isEqualTo(2);
        assertThatThrownBy(() -> log.logs().lines())
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot read the log of web: its log driver none keeps nothing; choose another one in its"
                        + " spec");
    }

    @Test
    void wrongDriversAndOptionsAreRefusedWithWhatThereIs() {
        assertThatThrownBy(() -> log("journald"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot keep logs of web: there is no log driver journald; there are ");
        assertThatThrownBy(() -> log("local", "size", "1"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: log driver local has no option size; it has max-file, max-size");
        assertThatThrownBy(() -> log("local", "max-size", "big"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option max-size=big of log driver local is no size as 10m");
        assertThatThrownBy(() -> log("local", "max-size", "0"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option max-size=0 of log driver local is not positive");
        assertThatThrownBy(() -> log("json-file", "max-file", "0"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option max-file=0 of log driver json-file is no number from 1 to"
                        + " 9999");
        assertThatThrownBy(() -> log("json-file", "tag", "{{.Nmae}}"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot keep logs of web: option tag={{.Nmae}} of log driver json-file names .Nmae; there"
                        + " are .ID, .FullID, .Name, .ImageName, .ImageID, .ImageFullID and .DaemonName");
    }

    @Test
    void aConsumerGetsAllFromTheStartOverAllRunsAndItsErrorsHarmNobody() throws Exception {
        var log = local();
        var taken = new LinkedBlockingQueue<String>();
        var forwarding = log.logs().forward(line -> {
            if (line.text().equals("bad")) {
                throw new IllegalStateException("no");
            }
            taken.add(line.text());
        });
        log.begin();
        append(log, LogStream.STDOUT, "a\nbad\nb\n");
        log.complete();
        forwarding.awaitDelivered(java.time.Duration.ofSeconds(60));
        assertThat(taken).containsExactly("a", "b");
        log.begin();
        append(log, LogStream.STDOUT, "c\nrest");
        log.complete();
        Eventually.passes(() -> assertThat(forwarding.delivered()).isEqualTo(4)); // closing waits for a second only
        log.close();

        assertThat(taken).containsExactly("a", "b", "c", "rest");
        assertThat(forwarding.delivered()).isEqualTo(4);
        assertThat(forwarding.failed()).isEqualTo(1);
        assertThat(forwarding.missed()).isZero();
        assertThat(forwarding.lastFailure()).get().isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> log.logs().forward(line -> {}))
                .isInstanceOf(ConflictException.class)
                .hasMessage("cannot forward the log of web: its container is removed");
    }

    @Test
    void aConsumerGetsAnUnfinishedLineWhenItsRunEnds() throws Exception {
        for (var log : List.of(local(), log("json-file"))) {
            BlockingQueue<String> taken = new LinkedBlockingQueue<>();
            log.begin();
            append(log, LogStream.STDOUT, "before");
            log.complete();
            log.logs().forward(line -> taken.add(line.text()));
            assertThat(taken.poll(60, TimeUnit.SECONDS)).isEqualTo("before");
            log.begin();
            append(log, LogStream.STDOUT, "a\nre");
            assertThat(taken.poll(60, TimeUnit.SECONDS)).isEqualTo("a");
            append(log, LogStream.STDOUT, "st");
            append(log, LogStream.STDERR, "error");
            log.complete();
            assertThat(List.of(taken.take(), taken.take())).containsExactly("rest", "error");
            log.begin();
            append(log, LogStream.STDOUT, "next\n");
            assertThat(taken.poll(60, TimeUnit.SECONDS)).isEqualTo("next");
            log.complete();
            log.close();
            assertThat(taken).isEmpty();
        }
    }

    @Test
    void aConsumerThatHangsHoldsUpNobodyForLong() throws Exception {
        var log = local();
        var reached = new CountDownLatch(1);
        var release = new CountDownLatch(1);
        BlockingQueue<String> other = new LinkedBlockingQueue<>();
        try (var stuck = log.logs().forward(line -> {
            reached.countDown();
            await(release);
        })) {
            log.logs().forward(line -> other.add(line.text()));
            log.begin();
            append(log, LogStream.STDOUT, "a\n");
            reached.await();
            append(log, LogStream.STDOUT, "bc\n");
            assertThat(other.poll(60, TimeUnit.SECONDS)).isEqualTo("a");
            assertThat(other.poll(60, TimeUnit.SECONDS)).isEqualTo("bc");
            assertThatThrownBy(() -> stuck.awaitDelivered(java.time.Duration.ofMillis(10)))
                    .isInstanceOf(dev.cais.TimedOutException.class)
                    .hasMessage("cannot wait longer for the log of web to be forwarded: it was not after PT0.01S");
            log.complete();
            log.close();
            assertThat(stuck.missed()).isEqualTo(3);
        } finally {
            release.countDown();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void binaryOutputIsKeptByteByByte() {
        var bytes = new byte[100_000];
        new Random(1).nextBytes(bytes);
        var log = local();
        append(log, LogStream.STDOUT, bytes);
        log.complete();

        assertThat(log.logs().stdout()).hasBinaryContent(bytes);
    }
}
