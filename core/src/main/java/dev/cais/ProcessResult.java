package dev.cais;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * What a process that ran to completion left: its exit status and output.
 *
 * @param duration from the call to the end
 */
public record ProcessResult(ExitStatus status, Captured out, Captured err, Duration duration) {
    public int exitCode() {
        return status.exitCode();
    }

    /** What was kept of stdout, as UTF-8 text; {@link Captured#isWhole} tells whether that is all. */
    public String stdout() {
        return out.text();
    }

    /** What was kept of stderr, as UTF-8 text; {@link Captured#isWhole} tells whether that is all. */
    public String stderr() {
        return err.text();
    }

    @Override
    public String toString() {
        return "ProcessResult[" + status + ", stdout " + ByteSize.bytes(out.total()) + ", stderr "
                + ByteSize.bytes(err.total()) + ", " + duration.toMillis() + " ms]";
    }

    /**
     * One stream's output, as much as fits {@link EngineOptions#captureLimit}.
     *
     * @param bytes the first bytes of the stream
     * @param total how many bytes were written in all
     * @param rest a file with the whole stream, there until the engine closes; empty if {@code bytes} is all
     */
    public record Captured(byte[] bytes, long total, Optional<Path> rest) {
        public static final Captured NOTHING = new Captured(new byte[0], 0, Optional.empty());

        public boolean isWhole() {
            return total == bytes.length;
        }

        public String text() {
            return new String(bytes, StandardCharsets.UTF_8);
        }
    }
}
