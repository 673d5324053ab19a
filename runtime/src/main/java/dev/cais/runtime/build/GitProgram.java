package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.CancelledException;
import dev.cais.NotFoundException;
import dev.cais.TimedOutException;
import dev.cais.linux.HostProgram;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * The host's {@code git}, used for a repository that nobody trusts: no configuration of the host or its users, be it git's, ssh's or curl's,
 * no hooks, no questions, no redirects, and no transport that starts programs or reads this host's files unless the caller named such a file
 * himself. It has no terminal, and when it is killed, ssh and whatever else it has started go with it.
 */
final class GitProgram {
    /** What it fetches may be large and far away, and its thread may be interrupted at any time. */
    private static final Duration LIMIT = Duration.ofHours(1);

    /** A session and a process group of its own, where the host has what that takes. */
    private static final String START =
            "umask 022; command -v setsid >/dev/null && exec setsid git \"$@\"; exec git \"$@\"";

    private static final List<String> OPTIONS = List.of(
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.symlinks=true",
            "core.autocrlf=false",
            "core.logAllRefUpdates=false",
            "http.followRedirects=false",
            "maintenance.auto=false", // from git 2.47 on it goes on behind our back, in what is read and removed
            "http.lowSpeedLimit=1", // bytes a second; a server that packs sends more, to show that it lives
            "http.lowSpeedTime=120",
            "safe.directory=*",
            "submodule.recurse=false",
            "advice.detachedHead=false");

    private final Path directory;
    private final boolean allowsFiles;
    private final Supplier<Map<String, String>> environment;

    /**
     * @param directory where it works
     * @param allowsFiles whether repositories of this host may be read
     * @param environment beside its usual one
     */
    GitProgram(Path directory, boolean allowsFiles, Supplier<Map<String, String>> environment) {
        this.directory = directory;
        this.allowsFiles = allowsFiles;
        this.environment = environment;
    }

    /** The same that works elsewhere. */
    GitProgram in(Path other) {
        return new GitProgram(other, allowsFiles, environment);
    }

    /** The same that may read no repositories of this host. */
    GitProgram withoutFiles() {
        return new GitProgram(directory, false, environment);
    }

    Path directory() {
        return directory;
    }

    /**
     * Runs it, and gives what it writes on its stdout.
     *
     * @param cannot for messages: {@code cannot fetch git://…}
     * @throws NotFoundException if this host has none
     * @throws BuildException if it fails, with its last words; or if it writes more than 1 MiB
     * @throws TimedOutException if it takes longer than an hour
     * @throws CancelledException if the thread is interrupted; then it was killed
     */
    String run(String cannot, String... arguments) {
        try {
            var ended = program(cannot, arguments).run(new byte[0], LIMIT);
            if (ended.exitCode() != 0) {
                throw GitRefusal.of(cannot, arguments[0], ended);
            }
            return new String(ended.stdout(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new BuildException(cannot + ": git " + arguments[0] + " " + e.getMessage(), Map.of(), "", e);
        } catch (TimeoutException e) {
            throw new TimedOutException(cannot + ": git " + arguments[0] + " " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(cannot + ": the thread was interrupted");
        }
    }

    private HostProgram program(String cannot, String... arguments) {
        var path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        if (Stream.of(path.split(":")).noneMatch(each -> Files.isExecutable(Path.of(each, "git")))) {
            throw new NotFoundException(cannot + ": this host has no git", "install git");
        }
        var command = new ArrayList<String>(List.of("/bin/sh", "-c", START, "git"));
        OPTIONS.forEach(option -> command.addAll(List.of("-c", option)));
        command.addAll(List.of(arguments));
        var variables = new HashMap<String, String>();
        System.getenv().forEach((name, value) -> {
            if (name.toLowerCase(Locale.ROOT).endsWith("_proxy")) {
                variables.put(name, value);
            }
        });
        variables.put("PATH", path);
        variables.put("LC_ALL", "C");
        variables.put("HOME", "/dev/null"); // curl would find a .netrc there
        variables.put(
                "GIT_CEILING_DIRECTORIES", String.valueOf(directory.getParent())); // the store may be in a work tree
        variables.put("GIT_CONFIG_NOSYSTEM", "1");
        variables.put("GIT_CONFIG_GLOBAL", "/dev/null");
        variables.put("GIT_ATTR_NOSYSTEM", "1");
        variables.put("GIT_TERMINAL_PROMPT", "0");
        variables.put("GIT_ALLOW_PROTOCOL", "https:http:git:ssh" + (allowsFiles ? ":file" : ""));
        variables.putAll(environment.get());
        return new HostProgram(command, variables, directory);
    }
}
