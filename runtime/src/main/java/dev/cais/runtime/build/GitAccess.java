package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import dev.cais.runtime.ssh.AgentSocket;
import dev.cais.runtime.ssh.SshAgent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What one build lets git show to servers: the ssh agent that is called {@code default}, and the secrets {@code GIT_AUTH_HEADER} and {@code
 * GIT_AUTH_TOKEN}, those of a name that ends with the server's first. All of it is in the environment of git, which only this user and
 * root can read. For many threads.
 *
 * @see <a href="https://docs.docker.com/build/building/secrets/#git-authentication-for-remote-contexts">Git authentication for remote
 *     contexts</a>
 */
final class GitAccess implements AutoCloseable {
    private static final String AGENT = "default";

    /** Repositories of one owner have others of theirs as submodules: as BuildKit, and what checks out for GitHub's actions. */
    private static final List<String> ONE_SERVER = List.of("https://github.com/", "https://www.github.com/");

    private final Workplace workplace;
    private final BuildSpec spec;
    private final Deque<Runnable> undoing = new ArrayDeque<>();
    private Optional<AgentSocket> socket = Optional.empty();

    GitAccess(Workplace workplace, BuildSpec spec) {
        this.workplace = workplace;
        this.spec = spec;
    }

    /** Variables of git for a repository. */
    Map<String, String> environment(Git address) {
        var variables = new LinkedHashMap<String, String>();
        Optional.ofNullable(spec.access().ssh().get(AGENT))
                .ifPresent(paths -> variables.put("SSH_AUTH_SOCK", agent(paths)));
        var configuration = new LinkedHashMap<String, String>();
        header(address)
                .ifPresent(header -> configuration.put(
                        "http." + scope(address.withoutCredentials()) + ".extraHeader", "Authorization: " + header));
        var credentials = address.credentials();
        if (!credentials.isEmpty()) { // git is told without them, so that it notes them nowhere
            var scheme = address.repository().substring(0, address.repository().indexOf("://") + 3);
            configuration.put(
                    "url." + scheme + credentials + "@" + address.authority() + "/.insteadOf",
                    scheme + address.authority() + "/");
        }
        variables.put("GIT_CONFIG_COUNT", String.valueOf(configuration.size()));
        var number = 0;
        for (var set : configuration.entrySet()) {
            variables.put("GIT_CONFIG_KEY_" + number, set.getKey());
            variables.put("GIT_CONFIG_VALUE_" + number++, set.getValue());
        }
        return variables;
    }

    private synchronized String agent(List<Path> paths) {
        if (socket.isEmpty()) {
            var agent = SshAgent.of(paths);
            var directory = workplace.makeDirectory();
            undoing.push(() -> workplace.remove(directory));
            var root = Workplace.open("cannot serve an ssh agent", directory);
            var opened = AgentSocket.open(agent, root, directory, 0600, 0, 0);
            undoing.push(opened::close);
            socket = Optional.of(opened);
        }
        return socket.get().shortPath();
    }

    private Optional<String> header(Git address) {
        if (!address.repository().startsWith("http")) {
            return Optional.empty();
        }
        var server = address.authority();
        return secret("GIT_AUTH_HEADER." + server)
                .or(() -> secret("GIT_AUTH_TOKEN." + server).map(GitAccess::basic))
                .or(() -> secret("GIT_AUTH_HEADER"))
                .or(() -> secret("GIT_AUTH_TOKEN").map(GitAccess::basic));
    }

    private Optional<String> secret(String id) {
        return Optional.ofNullable(spec.access().secrets().get(id))
                .map(BuildSecret::content)
                .map(content -> new String(content, StandardCharsets.UTF_8).strip())
                .map(text -> requireLine(id, text));
    }

    private static String requireLine(String id, String text) {
        if (text.isEmpty() || text.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
            throw new InvalidSpecException("cannot use secret " + id + ": it is empty or not one line");
        }
        return text;
    }

    private static String basic(String token) {
        return "basic "
                + Base64.getEncoder().encodeToString(("x-access-token:" + token).getBytes(StandardCharsets.UTF_8));
    }

    /** Addresses that begin so are shown the header. */
    private static String scope(String repository) {
        return ONE_SERVER.stream().filter(repository::startsWith).findFirst().orElse(repository);
    }

    @Override
    public synchronized void close() {
        while (!undoing.isEmpty()) {
            undoing.pop().run();
        }
    }
}
