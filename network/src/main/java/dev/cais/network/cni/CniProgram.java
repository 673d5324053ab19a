package dev.cais.network.cni;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cais.CancelledException;
import dev.cais.TimedOutException;
import dev.cais.UnsupportedHostException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A plugin that is run once: JSON on stdin and on stdout, and on stderr whatever it likes.
 *
 * @param problem as a sentence begins: {@code cannot … : ADD of plugin bridge }
 */
record CniProgram(Path file, Map<String, String> environment, Duration limit, String problem) {
    private static final int LARGEST = 1 << 20;
    private static final int LONGEST_NOTE = 2000;

    /** @return its answer, if it gives one */
    @Nullable
    JsonNode ask(byte[] question) {
        Process process;
        try {
            var builder = new ProcessBuilder(file.toString());
            builder.environment().putAll(environment);
            process = builder.start();
        } catch (IOException e) {
            throw new UnsupportedHostException(problem + "cannot be started", Map.of(), "", e);
        }
        // streams of processes cannot be interrupted: others read them, and end with the process
        var answer = begin(() -> process.getInputStream().readNBytes(LARGEST));
        var note = begin(() -> process.getErrorStream().readNBytes(LONGEST_NOTE));
        var asked = begin(() -> {
            try (var stdin = process.getOutputStream()) {
                stdin.write(question);
            } catch (IOException e) {
                // it has ended without reading, and tells why
            }
            return question;
        });
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new TimedOutException(problem + "takes longer than " + limit.toSeconds() + " s");
            }
            asked.get(limit.toMillis(), TimeUnit.MILLISECONDS);
            return read(
                    process.exitValue(),
                    answer.get(limit.toMillis(), TimeUnit.MILLISECONDS),
                    note.get(limit.toMillis(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(problem + "was interrupted");
        } catch (ExecutionException e) {
            throw new UnsupportedHostException(problem + "cannot be read", Map.of(), "", e);
        } catch (TimeoutException e) {
            throw new TimedOutException(problem + "has ended, but others hold its output open");
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private interface Reading {
        byte[] read() throws IOException;
    }

    private static FutureTask<byte[]> begin(Reading reading) {
        var task = new FutureTask<>(reading::read);
        var thread = new Thread(task, "cais-cni");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private @Nullable JsonNode read(int exitCode, byte[] answer, byte[] note) {
        JsonNode json;
        try {
            json = answer.length == 0 ? null : CniConfiguration.JSON.readTree(answer);
        } catch (IOException e) {
            if (exitCode == 0) {
                throw new UnsupportedHostException(problem + "answers with what is no JSON", Map.of(), "", e);
            }
            json = null;
        }
        if (exitCode != 0) {
            throw new UnsupportedHostException(problem + "failed: " + reason(json, note), Map.of("exit", exitCode), "");
        }
        return json;
    }

    private static String reason(@Nullable JsonNode json, byte[] note) {
        if (json == null || json.path("msg").asText().isEmpty()) {
            return new String(note, StandardCharsets.UTF_8).strip();
        }
        var details = json.path("details").asText();
        return json.path("msg").asText() + (details.isEmpty() ? "" : ": " + details);
    }
}
