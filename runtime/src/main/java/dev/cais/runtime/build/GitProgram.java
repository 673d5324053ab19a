package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.CancelledException;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Shown;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/**
 * The host's {@code git}, used for a repository that nobody trusts: no configuration of the host or its users, no hooks, no questions, no
 * redirects, and no transport that starts programs or reads this host's files unless the caller named such a file himself.
 */
final class GitProgram {
    private static final int LARGEST_OUTPUT = 1 << 20;
    private static final int LONGEST_LAST_WORDS = 300;
    private static final List<String> OPTIONS = List.of(
            "core.hooksPath=/dev/null",
            "core.fsmonitor=false",
            "core.symlinks=true",
            "core.autocrlf=false",
            "http.followRedirects=false",
            "safe.directory=*",
            "submodule.recurse=false",
            "advice.detachedHead=false");

    private final Path directory;
    private final boolean allowsFiles;
    private final Map<String, String> environment;

    /**
     * @param directory where it works
     * @param allowsFiles whether repositories of this host may be read
     * @param environment beside its usual one
     */
    GitProgram(Path directory, boolean allowsFiles, Map<String, String> environment) {
        this.directory = directory;
        this.allowsFiles = allowsFiles;
        this.environment = Map.copyOf(environment);
    }

    /**
     * Runs it, and gives what it writes on its stdout.
     *
     * @param cannot for messages: {@code cannot fetch git://…}
     * @throws NotFoundException if this host has none
     * @throws BuildException if it fails, with its last words
     * @throws CancelledException if the thread is interrupted; then it was killed
     */
    String run(String cannot, String... arguments) {
        var process = start(cannot, arguments);
        try (var stdout = process.getInputStream();
                var stderr = process.getErrorStream()) {
            process.getOutputStream().close();
            var output = CompletableFuture.supplyAsync(() -> last(stdout, LARGEST_OUTPUT), GitProgram::inThread);
            var words = CompletableFuture.supplyAsync(() -> last(stderr, LONGEST_LAST_WORDS), GitProgram::inThread);
            var status = process.waitFor();
            if (status != 0) {
                var said = words.join().strip();
                throw new BuildException(
                        cannot + ": git " + arguments[0] + " ended with exit code " + status,
                        said.isEmpty()
                                ? ""
                                : "its last words: " + Shown.text(said.substring(said.lastIndexOf('\n') + 1)));
            }
            return output.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(cannot + ": the thread was interrupted");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static void inThread(Runnable reading) {
        var thread = new Thread(reading, "cais-git");
        thread.setDaemon(true);
        thread.start();
    }

    /** The end of what a stream has, read to its own end so that its writer need not wait. */
    private static String last(InputStream stream, int most) {
        var kept = new byte[0];
        var buffer = new byte[8192];
        try {
            for (var count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                var all = Arrays.copyOf(kept, kept.length + count);
                System.arraycopy(buffer, 0, all, kept.length, count);
                kept = all.length > most ? Arrays.copyOfRange(all, all.length - most, all.length) : all;
            }
        } catch (IOException e) {
            // it was killed
        }
        return new String(kept, StandardCharsets.UTF_8);
    }

    private Process start(String cannot, String... arguments) {
        var path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
        if (Stream.of(path.split(":")).noneMatch(each -> Files.isExecutable(Path.of(each, "git")))) {
            throw new NotFoundException(cannot + ": this host has no git", "install git");
        }
        var command = new ArrayList<String>(List.of("/bin/sh", "-c", "umask 022; exec git \"$@\"", "git"));
        OPTIONS.forEach(option -> command.addAll(List.of("-c", option)));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command).directory(new File(directory.toString()));
        var variables = builder.environment();
        var proxies = System.getenv().entrySet().stream()
                .filter(each -> each.getKey().toLowerCase(Locale.ROOT).endsWith("_proxy"))
                .toList();
        variables.clear();
        proxies.forEach(each -> variables.put(each.getKey(), each.getValue()));
        variables.put("PATH", path);
        variables.put("LC_ALL", "C");
        variables.put("GIT_CONFIG_NOSYSTEM", "1");
        variables.put("GIT_CONFIG_GLOBAL", "/dev/null");
        variables.put("GIT_ATTR_NOSYSTEM", "1");
        variables.put("GIT_TERMINAL_PROMPT", "0");
        variables.put("GIT_ALLOW_PROTOCOL", "https:http:git:ssh" + (allowsFiles ? ":file" : ""));
        variables.put("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        variables.putAll(environment);
        try {
            return builder.start();
        } catch (IOException e) {
            throw new BuildException(cannot + ": git cannot be started", Map.of("cause", e.toString()), "", e);
        }
    }
}
