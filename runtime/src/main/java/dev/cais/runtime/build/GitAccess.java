package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Shown;
import dev.cais.runtime.ssh.AgentSocket;
import dev.cais.runtime.ssh.SshAgent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What one build lets git show to servers: the ssh agent that is called {@code default}, and the secrets {@code GIT_AUTH_HEADER} and {@code
 * GIT_AUTH_TOKEN}, those of a name that ends with the server's first. All of it is in the environment of git, which only this user and
 * root can read. And whom ssh believes. For many threads.
 *
 * @see <a href="https://docs.docker.com/build/building/secrets/#git-authentication-for-remote-contexts">Git authentication for remote
 *     contexts</a>
 */
final class GitAccess implements AutoCloseable {
    /** No keys but those of the agent in the environment; no host keys are learned; a server that is gone ends it. */
    private static final String SSH = "ssh -F none -o BatchMode=yes -o IdentityFile=none -o StrictHostKeyChecking=yes"
            + " -o UpdateHostKeys=no -o ConnectTimeout=30 -o ServerAliveInterval=30";

    /** In place of this user's and the host's; a shell puts the path in. */
    private static final String GIVEN_KNOWN_HOSTS =
            " -o GlobalKnownHostsFile=/dev/null -o \"UserKnownHostsFile=$CAIS_KNOWN_HOSTS\"";

    /** Within its quotes, ssh reads these in paths as something else. */
    private static final Pattern NOT_FOR_SSH = Pattern.compile("[\\p{Cntrl}\"\\\\]|\\$\\{");

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

    /**
     * Variables of git for a repository.
     *
     * @param isCallers whether the caller named it, and no Dockerfile: as with {@code docker build} his own agent is asked then, if he gave
     *     no other
     */
    Map<String, String> environment(Git address, boolean isCallers) {
        var variables = new LinkedHashMap<String, String>();
        Optional.ofNullable(spec.access().ssh().get(AGENT))
                .or(() -> isCallers && address.serverUrl().startsWith("ssh:") ? ownAgent() : Optional.empty())
                .ifPresent(paths -> variables.put("SSH_AUTH_SOCK", agent(paths)));
        variables.put("GIT_SSH_COMMAND", SSH);
        spec.access().knownHosts().ifPresent(file -> {
            variables.put("GIT_SSH_COMMAND", SSH + GIVEN_KNOWN_HOSTS);
            variables.put("CAIS_KNOWN_HOSTS", quoted(file));
        });
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
        variables.put("GIT_ADVICE", BuiltInArguments.of(spec).showsGitAdvice() ? "1" : "0");
        variables.put("GIT_CONFIG_COUNT", String.valueOf(configuration.size()));
        var number = 0;
        for (var set : configuration.entrySet()) {
            variables.put("GIT_CONFIG_KEY_" + number, set.getKey());
            variables.put("GIT_CONFIG_VALUE_" + number++, set.getValue());
        }
        return variables;
    }

    private static Optional<List<Path>> ownAgent() {
        return Optional.ofNullable(System.getenv("SSH_AUTH_SOCK"))
                .filter(socket -> !socket.isEmpty())
                .map(Path::of)
                .filter(Files::exists)
                .map(List::of);
    }

    private static String quoted(Path knownHosts) {
        var cannot = "cannot use the known hosts of ssh in " + Shown.text(knownHosts.toString()) + ": ";
        if (!Files.isRegularFile(knownHosts)) {
            throw new NotFoundException(cannot + "there is no such file");
        }
        if (NOT_FOR_SSH.matcher(knownHosts.toString()).find()) {
            throw new InvalidSpecException(cannot + "ssh can read no such path", "give it another name");
        }
        return '"' + knownHosts.toString().replace("%", "%%") + '"';
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
        var secrets = new ServerSecrets(spec);
        return secrets.find("GIT_AUTH_HEADER." + server)
                .or(() -> secrets.find("GIT_AUTH_TOKEN." + server).map(GitAccess::basic))
                .or(() -> secrets.find("GIT_AUTH_HEADER"))
                .or(() -> secrets.find("GIT_AUTH_TOKEN").map(GitAccess::basic));
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
