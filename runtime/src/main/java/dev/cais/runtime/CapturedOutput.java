package dev.cais.runtime;

import dev.cais.ExitStatus;
import dev.cais.LogStream;
import dev.cais.ProcessResult;
import dev.cais.StorageException;
import dev.cais.runtime.log.OutputLog;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What a process has written, for a result: as much of it as the engine's options allow, and where there is more, all in a file. */
final class CapturedOutput {
    private final LocalEngine engine;

    CapturedOutput(LocalEngine engine) {
        this.engine = engine;
    }

    /** @param started {@link System#nanoTime()} then */
    ProcessResult result(String id, OutputLog log, ExitStatus status, long started) {
        return new ProcessResult(
                status,
                capture(id, log, LogStream.STDOUT),
                capture(id, log, LogStream.STDERR),
                Duration.ofNanos(System.nanoTime() - started));
    }

    private ProcessResult.Captured capture(String id, OutputLog log, LogStream stream) {
        var total = log.total(stream);
        if (total == 0) {
            return ProcessResult.Captured.NOTHING;
        }
        var kept =
                new byte[(int) Math.min(total, engine.options().captureLimit().bytes())];
        var count = 0;
        Path rest = total > kept.length ? engine.outputFile(id, stream) : null;
        var reader = log.read(false);
        try (var undo = new Undo();
                var file = rest == null ? null : Files.newOutputStream(rest, StandardOpenOption.CREATE_NEW)) {
            if (rest != null) {
                // half a stream helps nobody, and takes the room that is missing
                undo.add(() -> Files.deleteIfExists(rest));
            }
            for (var chunk = reader.next(); chunk.isPresent(); chunk = reader.next()) {
                if (chunk.get().stream() == stream) {
                    var content = chunk.get().content();
                    var fits = Math.min(content.length, kept.length - count);
                    System.arraycopy(content, 0, kept, count, fits);
                    count += fits;
                    write(file, content);
                }
            }
            log.requireWhole();
            undo.keepAll();
        } catch (IOException e) {
            throw new StorageException(
                    "cannot keep the output of " + id + " in " + rest + ": " + e.getMessage(),
                    Map.of(),
                    "make room",
                    e);
        }
        return new ProcessResult.Captured(kept, total, Optional.ofNullable(rest));
    }

    private static void write(@Nullable OutputStream file, byte[] content) throws IOException {
        if (file != null) {
            file.write(content);
        }
    }
}
