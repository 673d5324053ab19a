package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.LogLine;
import dev.cais.LogStream;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogFileTest {
    @TempDir
    Path directory;

    private final NativeMemory buffer = NativeMemory.allocate(LogFile.HEADER + 4096);

    private void append(LogFile log, LogStream stream, String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        buffer.bytes().put(LogFile.HEADER, bytes);
        log.append(stream, buffer, bytes.length);
    }

    private LogFile log() {
        return new LogFile(directory.resolve("log"));
    }

    @Test
    void aSilentProcessLeavesNoFile() {
        var log = log();
        log.complete();

        assertThat(directory).isEmptyDirectory();
        assertThat(new FileLogs(log).lines()).isEmpty();
    }

    @Test
    void linesAreJoinedAcrossChunksAndStreamsStayApart() {
        var log = log();
        append(log, LogStream.STDOUT, "one\ntw");
        append(log, LogStream.STDERR, "oops\n");
        append(log, LogStream.STDOUT, "o\n\nlast");
        log.complete();

        assertThat(new FileLogs(log).lines())
                .extracting(LogLine::stream, LogLine::text)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple(LogStream.STDOUT, "one"),
                        org.assertj.core.groups.Tuple.tuple(LogStream.STDERR, "oops"),
                        org.assertj.core.groups.Tuple.tuple(LogStream.STDOUT, "two"),
                        org.assertj.core.groups.Tuple.tuple(LogStream.STDOUT, ""),
                        org.assertj.core.groups.Tuple.tuple(LogStream.STDOUT, "last"));
        assertThat(new FileLogs(log).stdout()).hasContent("one\ntwo\n\nlast");
        assertThat(new FileLogs(log).stderr()).hasContent("oops\n");
    }

    @Test
    void aLineHasTheTimeOfTheChunkItBeganIn() {
        var log = log();
        append(log, LogStream.STDOUT, "begun");
        append(log, LogStream.STDOUT, " ended\n");
        log.complete();
        var times = new ArrayList<java.time.Instant>();
        var reader = log.read(false);
        for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
            times.add(chunk.get().time());
        }

        assertThat(new FileLogs(log).lines()).singleElement().satisfies(line -> {
            assertThat(line.text()).isEqualTo("begun ended");
            assertThat(line.time()).isEqualTo(times.get(0));
        });
    }

    @Test
    void aFollowerGetsWhatComesLaterAndThenTheEnd() throws Exception {
        var log = log();
        var followed = CompletableFuture.supplyAsync(() -> {
            var text = new StringBuilder();
            var reader = log.read(true);
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                text.append(new String(chunk.get().content(), StandardCharsets.UTF_8));
            }
            return text.toString();
        });
        append(log, LogStream.STDOUT, "a");
        Thread.sleep(20);
        append(log, LogStream.STDOUT, "b");
        log.complete();

        assertThat(followed.get(10, TimeUnit.SECONDS)).isEqualTo("ab");
    }

    @Test
    void outputThatTheDiskDoesNotTakeIsReportedAtTheEnd() throws IOException {
        var log = new LogFile(Files.createFile(directory.resolve("file")).resolve("log"));
        append(log, LogStream.STDOUT, "lost");
        log.complete();

        assertThatThrownBy(() -> new FileLogs(log).lines().toList())
                .isInstanceOf(dev.cais.StorageException.class)
                .hasMessage(
                        "cannot keep the output of a process in " + directory.resolve("file/log")
                                + ": ENOTDIR (not a directory) [kept=0]; what it wrote after that is lost; make room in the store");
    }
}
