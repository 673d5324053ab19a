package dev.cais.network.cni;

import com.fasterxml.jackson.databind.JsonNode;
import dev.cais.CancelledException;
import dev.cais.TimedOutException;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.HostProgram;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A plugin that is run once: JSON on stdin and on stdout, and on stderr whatever it likes.
 *
 * @param problem as a sentence begins: {@code cannot … : ADD of plugin bridge }
 */
record CniProgram(Path file, Map<String, String> environment, Duration limit, String problem) {
    /** @return its answer, if it gives one */
    @Nullable
    JsonNode ask(byte[] question) {
        var all = new HashMap<>(System.getenv());
        all.putAll(environment);
        try {
            var program =
                    new HostProgram(List.of(file.toString()), all, Path.of("").toAbsolutePath());
            return read(program.run(question, limit));
        } catch (IOException e) {
            throw new UnsupportedHostException(problem + e.getMessage(), Map.of(), "", e);
        } catch (TimeoutException e) {
            throw new TimedOutException(problem + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(problem + "was interrupted");
        }
    }

    private @Nullable JsonNode read(HostProgram.Ended ended) {
        var exitCode = ended.exitCode();
        var answer = ended.stdout();
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
            throw new UnsupportedHostException(
                    problem + "failed: " + reason(json, ended.lastWords()), Map.of("exit", exitCode), "");
        }
        return json;
    }

    private static String reason(@Nullable JsonNode json, String lastWords) {
        if (json == null || json.path("msg").asText().isEmpty()) {
            return lastWords.strip();
        }
        var details = json.path("details").asText();
        return json.path("msg").asText() + (details.isEmpty() ? "" : ": " + details);
    }
}
