package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.InvalidSpecException;
import dev.cais.RegistryException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import dev.cais.linux.HostProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;

/**
 * A credential helper: {@code docker-credential-NAME get} with the server's name on stdin and JSON on stdout. Its stderr is
 * thrown away, since it may hold anything; it has ten seconds, and is killed when they are over.
 *
 * @see <a href="https://github.com/docker/docker-credential-helpers#development">docker-credential-helpers</a>
 */
final class CredentialProgram {
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.-]{1,100}");
    private static final String TOKEN_USER = "<token>";

    private CredentialProgram() {}

    /**
     * Empty if it has nothing for the server.
     *
     * @throws RegistryException if it is missing, fails, takes too long or answers nonsense
     */
    static Optional<Credentials> get(String name, String server, Map<String, String> environment, Task task) {
        var program = "docker-credential-" + name;
        if (!NAME.matcher(name).matches()) {
            throw failed(task, "docker-credential-" + Shown.text(name), "its name is not one of a program");
        }
        var path = find(program, environment.getOrDefault("PATH", ""))
                .orElseThrow(() -> failed(task, program, "it is not in PATH"));
        try {
            var ended = HostProgram.of(path.toString(), "get")
                    .run((server + "\n").getBytes(StandardCharsets.UTF_8), Duration.ofNanos(task.nanos(LIMIT)));
            if (ended.exitCode() == 0) {
                return parse(ended.stdout(), program, task);
            } else if (new String(ended.stdout(), StandardCharsets.UTF_8).contains("credentials not found")) {
                return Optional.empty();
            }
            throw failed(task, program, "it ended with exit code " + ended.exitCode());
        } catch (TimeoutException e) {
            task.nanos(LIMIT); // the task's own time may be over
            throw failed(task, program, "it " + e.getMessage());
        } catch (IOException e) {
            throw failed(task, program, "it " + e.getMessage());
        } catch (InterruptedException e) {
            throw task.interrupted();
        }
    }

    private static Optional<Path> find(String program, String path) {
        return Arrays.stream(path.split(":"))
                .filter(directory -> !directory.isEmpty())
                .map(directory -> Path.of(directory, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    private static Optional<Credentials> parse(byte[] output, String program, Task task) {
        try {
            var json = JsonObject.parse(output, "the output of " + program);
            var user = json.findText("Username").orElse("");
            var secret = json.findText("Secret").orElse("");
            if (user.equals(TOKEN_USER)) {
                return Optional.of(Credentials.identityToken(secret));
            }
            return user.isEmpty() ? Optional.empty() : Optional.of(Credentials.basic(user, secret));
        } catch (CorruptContentException | InvalidSpecException e) {
            throw failed(task, program, "its output is not what the protocol has");
        }
    }

    private static RegistryException failed(Task task, String program, String why) {
        return new RegistryException(
                task.cannot() + ": no credentials from " + program + ": " + why,
                "repair credsStore and credHelpers in Docker's config.json, or pass credentials");
    }
}
