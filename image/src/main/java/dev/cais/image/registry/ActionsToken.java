package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import dev.cais.RegistryException;
import dev.cais.image.oci.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the token of a job of GitHub Actions says of itself. Whether that is true is the service's business.
 *
 * @param scopes in the token's order: mostly the branch or pull request first, and what it came from behind it
 */
public record ActionsToken(List<Scope> scopes) {
    private static final int READ = 1;
    private static final int WRITE = 2;

    public ActionsToken {
        scopes = List.copyOf(scopes);
    }

    /** @param name as in {@code refs/heads/main} */
    public record Scope(String name, boolean isReadable, boolean isWritable) {}

    /**
     * Reads a JWT.
     *
     * @throws RegistryException if it is none with the claim {@code ac}, or its time is over; the token is not shown
     */
    static ActionsToken parse(String token, Task task) {
        var parts = token.split("\\.", -1);
        try {
            if (parts.length != 3) {
                throw unreadable(task);
            }
            var claims = JsonObject.parse(Base64.getUrlDecoder().decode(parts[1]), "the token");
            var end = claims.numberOrZero("exp");
            if (end > 0 && Instant.now().getEpochSecond() >= end) {
                throw new RegistryException(
                        task.cannot() + ": the token has expired",
                        Map.of("exp", end),
                        "pass that of the job that runs");
            }
            var scopes = JsonObject.parseArray(claims.text("ac").getBytes(StandardCharsets.UTF_8), "the token");
            return new ActionsToken(scopes.stream().map(ActionsToken::scope).toList());
        } catch (IllegalArgumentException | CorruptContentException e) {
            throw unreadable(task); // and the cause might show parts of it
        }
    }

    private static Scope scope(JsonObject scope) {
        var permission = scope.number("Permission");
        return new Scope(scope.text("Scope"), (permission & READ) != 0, (permission & WRITE) != 0);
    }

    private static RegistryException unreadable(Task task) {
        return new RegistryException(
                task.cannot() + ": the token is no JWT that says which scopes it is for", "pass ACTIONS_RUNTIME_TOKEN");
    }

    /** The one that is written to: of several the last, as BuildKit has it. */
    public Optional<Scope> writable() {
        return scopes.stream().filter(Scope::isWritable).reduce((one, later) -> later);
    }
}
