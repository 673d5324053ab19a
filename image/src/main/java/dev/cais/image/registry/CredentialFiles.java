package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.InvalidSpecException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.oci.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the user has told other tools, in their files, the first that has something for a registry: Podman's {@code
 * $REGISTRY_AUTH_FILE}, or else {@code $XDG_RUNTIME_DIR/containers/auth.json}; {@code ~/.config/containers/auth.json}; Docker's
 * {@code config.json} in {@code $DOCKER_CONFIG} or {@code ~/.docker}. In a file, as in Docker: {@code credHelpers}, then {@code
 * credsStore}, and {@code auths} if the program has nothing. Read anew each time, since somebody may log in meanwhile.
 *
 * @see <a href="https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md">containers-auth.json(5)</a>
 * @see <a href="https://docs.docker.com/reference/cli/docker/login/#credential-stores">docker login, Credential stores</a>
 */
final class CredentialFiles {
    private static final int LARGEST = 1 << 20;
    private static final String HUB = "docker.io";
    private static final String HUB_KEY = "https://index.docker.io/v1/";

    private final Map<String, String> environment;
    private final Path home;

    CredentialFiles(Map<String, String> environment, Path home) {
        this.environment = environment;
        this.home = home;
    }

    static CredentialFiles ofUser() {
        return new CredentialFiles(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    /** In the order in which they count. */
    private List<Path> files() {
        return List.of(
                variable("REGISTRY_AUTH_FILE")
                        .orElseGet(() -> runtimeDirectory().resolve("auth.json")),
                variable("XDG_CONFIG_HOME")
                        .orElseGet(() -> home.resolve(".config"))
                        .resolve("containers/auth.json"),
                variable("DOCKER_CONFIG")
                        .orElseGet(() -> home.resolve(".docker"))
                        .resolve("config.json"));
    }

    private Path runtimeDirectory() {
        return variable("XDG_RUNTIME_DIR")
                .map(directory -> directory.resolve("containers"))
                .orElseGet(() -> Path.of("/run/containers", userId()));
    }

    private Optional<Path> variable(String name) {
        return Optional.ofNullable(environment.get(name))
                .filter(value -> !value.isEmpty())
                .map(Path::of);
    }

    private static String userId() {
        try {
            return Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
        } catch (IOException e) {
            throw IoFailure.of("cannot find out the user's number", e);
        }
    }

    /**
     * @param location the longest key of {@code auths} that is the registry, or a path of it above the repository, counts
     * @throws CorruptContentException if a file is broken; its content is not shown
     * @throws dev.cais.RegistryException if a credential program fails or takes too long
     */
    Optional<Credentials> find(Location location, Task task) {
        return files().stream()
                .flatMap(file -> find(file, location, task).stream())
                .findFirst();
    }

    private Optional<Credentials> find(Path file, Location location, Task task) {
        byte[] content;
        try (var in = Files.newInputStream(file)) {
            content = in.readNBytes(LARGEST);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw IoFailure.of("cannot read " + file, e);
        }
        var json = JsonObject.parse(content, file.toString());
        return program(json, location)
                .flatMap(name -> CredentialProgram.get(name, serverName(location), environment, task))
                .or(() -> fromAuths(json.objectOrEmpty("auths"), location));
    }

    private static String serverName(Location location) {
        return location.registry().equals(HUB) ? HUB_KEY : location.registry();
    }

    private static Optional<String> program(JsonObject json, Location location) {
        var helpers = json.textMap("credHelpers");
        for (var key : hostKeys(location)) {
            var name = helpers.getOrDefault(key, "");
            if (!name.isEmpty()) {
                return Optional.of(name);
            }
        }
        return json.findText("credsStore").filter(name -> !name.isEmpty());
    }

    private static Optional<Credentials> fromAuths(JsonObject auths, Location location) {
        var keys = new ArrayList<String>();
        var path = location.toString();
        for (var end = path.length(); end > 0; end = path.lastIndexOf('/', end - 1)) {
            keys.add(path.substring(0, end));
        }
        keys.addAll(hostKeys(location));
        for (var key : keys) {
            var found = auths.findObject(key).flatMap(CredentialFiles::read);
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    /** How tools have written a registry's name over the years. */
    private static List<String> hostKeys(Location location) {
        if (location.registry().equals(HUB)) {
            return List.of(HUB_KEY, "index.docker.io", HUB, "registry-1.docker.io", "https://index.docker.io/v1");
        }
        var host = location.registry();
        var keys = new ArrayList<>(List.of(host));
        for (var scheme : List.of("https://", "http://")) {
            for (var end : List.of("", "/", "/v1/", "/v2/", "/v1", "/v2")) {
                keys.add(scheme + host + end);
            }
        }
        return keys;
    }

    private static Optional<Credentials> read(JsonObject entry) {
        var pair = entry.findText("auth").filter(text -> !text.isBlank()).map(text -> decode(entry, text));
        var colon = pair.map(text -> text.indexOf(':')).orElse(-1);
        var user = colon < 0
                ? entry.findText("username").orElse("")
                : pair.orElseThrow().substring(0, colon);
        var password = colon < 0
                ? entry.findText("password").orElse("")
                : pair.orElseThrow().substring(colon + 1);
        try {
            var identity = entry.findText("identitytoken").orElse("");
            if (!identity.isEmpty()) {
                return Optional.of(new Credentials.IdentityToken(user.startsWith("<") ? "" : user, identity));
            }
            var registryToken = entry.findText("registrytoken").orElse("");
            if (!registryToken.isEmpty()) {
                return Optional.of(Credentials.registryToken(registryToken));
            }
            return user.isEmpty() ? Optional.empty() : Optional.of(Credentials.basic(user, password));
        } catch (InvalidSpecException e) {
            throw entry.wrong("auth", "is not usable");
        }
    }

    private static String decode(JsonObject entry, String text) {
        try {
            var decoded = new String(Base64.getDecoder().decode(text.strip()), StandardCharsets.UTF_8);
            var end = decoded.indexOf('\0'); // Docker's oldest files are padded
            return end < 0 ? decoded : decoded.substring(0, end);
        } catch (IllegalArgumentException e) {
            throw entry.wrong("auth", "is no base64");
        }
    }
}
