package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.image.oci.Shown;
import dev.cais.linux.HostProgram;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/** What git, or ssh below it, says when it fails: the line that tells why, and for what happens often, what helps. */
final class GitRefusal {
    /** Git tells of addresses with all that they have. */
    private static final Pattern CREDENTIALS = Pattern.compile("://[^/@\\s]*@");

    /** They stand below whatever ssh has said. */
    private static final Set<String> SAYING_NOTHING = Set.of(
            "fatal: Could not read from remote repository.",
            "Please make sure you have the correct access rights",
            "and the repository exists.",
            "fatal: the remote end hung up unexpectedly");

    private static final String GIVE_KNOWN_HOSTS =
            "give a file with it by BuildSpec.knownHosts, or add it to this user's known_hosts";

    /** @param why of a message, in which {@code $1} stands for the first group */
    private record Reason(Pattern said, String why, String help) {
        static Reason of(String said, String why, String help) {
            return new Reason(Pattern.compile(said), why, help);
        }
    }

    /** The first that is found counts. */
    private static final List<Reason> REASONS = List.of(
            Reason.of(
                    "Host key for (\\S+) has changed and you have requested strict checking",
                    "the host key of $1 is another one than the one that is known",
                    "if that is right, " + GIVE_KNOWN_HOSTS),
            Reason.of(
                    "No (\\S+) host key is known for (\\S+) and",
                    "the $1 host key of $2 is not known",
                    GIVE_KNOWN_HOSTS),
            Reason.of("Host key verification failed", "the host key of the server is not known", GIVE_KNOWN_HOSTS),
            Reason.of(
                    "(\\S+): Permission denied \\(",
                    "$1 lets nobody in with the keys of the build",
                    "give an agent or a private key by BuildSpec.ssh(\"default\", …)"),
            Reason.of(
                    "(?:could not read (?:Username|Password)|Authentication failed) for '([^']*)'",
                    "$1 lets nobody in with the tokens of the build",
                    "give one as the build's secret GIT_AUTH_TOKEN"),
            Reason.of("cannot run ssh: ", "this host has no ssh", "install OpenSSH's client"));

    private GitRefusal() {}

    static BuildException of(String cannot, String command, HostProgram.Ended ended) {
        var said = withoutCredentials(ended.lastWords());
        for (var reason : REASONS) {
            var found = reason.said.matcher(said);
            if (found.find()) {
                var why = reason.said.matcher(found.group()).replaceFirst(reason.why);
                return new BuildException(
                        cannot + ": " + Shown.text(why),
                        Map.of("git " + command, "exit code " + ended.exitCode()),
                        reason.help);
            }
        }
        return new BuildException(
                cannot + ": git " + command + " ended with exit code " + ended.exitCode(),
                said.lines()
                        .map(String::strip)
                        .filter(line -> !line.isEmpty() && !SAYING_NOTHING.contains(line))
                        .reduce((earlier, later) -> later)
                        .map(line -> "its last words: " + Shown.text(line))
                        .orElse(""));
    }

    static String withoutCredentials(String text) {
        return CREDENTIALS.matcher(text).replaceAll("://…@");
    }
}
