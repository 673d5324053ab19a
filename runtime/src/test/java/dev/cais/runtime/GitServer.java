package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Git's daemon on loopback, and repositories that it serves. */
final class GitServer implements AutoCloseable {
    /** The time of all commits. */
    static final long TIME = 1_577_934_245;

    private final Path directory;
    private final Process daemon;
    private final int port;

    /** @param more addresses to listen on, besides loopback's */
    GitServer(Path directory, String... more) {
        this.directory = directory;
        try (var held = new Socket()) { // nobody else gets the port before the daemon listens on it
            held.setReuseAddress(true);
            held.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            port = held.getLocalPort();
            var command = new ArrayList<>(List.of("git", "daemon", "--listen=127.0.0.1", "--port=" + port));
            command.addAll(List.of("--reuseaddr", "--export-all", "--base-path=" + directory));
            for (var address : more) {
                command.add("--listen=" + address);
            }
            daemon = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            Eventually.isTrue(this::isServing);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean isServing() {
        assertThat(daemon.isAlive()).as("git daemon runs").isTrue();
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    String url(String repository) {
        return url("127.0.0.1", repository);
    }

    String url(String address, String repository) {
        return "git://" + address + ":" + port + "/" + repository;
    }

    Path path(String repository) {
        return directory.resolve(repository);
    }

    /** A repository with a work tree, which is filled, and committed by {@link #commit}. */
    Path create(String repository, String... options) {
        var path = directory.resolve(repository);
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        git(
                repository,
                Stream.concat(Stream.of("init", "--quiet", "--initial-branch=main"), Stream.of(options))
                        .toArray(String[]::new));
        return path;
    }

    /** Commits all there is, and gives the commit. */
    String commit(String repository) {
        git(repository, "add", "--all");
        git(repository, "commit", "--quiet", "--allow-empty", "--message=all");
        return git(repository, "rev-parse", "HEAD");
    }

    /** Commits a submodule as it is in repositories of strangers: whatever its address says. */
    void commitSubmodule(String repository, String path, String url, String commit) {
        try {
            var modules = "[submodule \"" + path + "\"]\n\tpath = " + path + "\n\turl = " + url + "\n";
            Files.writeString(path(repository).resolve(".gitmodules"), modules);
            Files.createDirectories(path(repository).resolve(path));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        git(repository, "update-index", "--add", "--cacheinfo", "160000," + commit + "," + path);
        commit(repository);
    }

    String git(String repository, String... arguments) {
        var command = new ArrayList<>(List.of(
                "env",
                "GIT_AUTHOR_DATE=" + TIME + " +0000",
                "GIT_COMMITTER_DATE=" + TIME + " +0000",
                "GIT_CONFIG_NOSYSTEM=1",
                "GIT_CONFIG_GLOBAL=/dev/null",
                "git",
                "-c",
                "user.name=test",
                "-c",
                "user.email=test@example.org",
                "-c",
                "maintenance.auto=false",
                "-c",
                "protocol.file.allow=always"));
        command.addAll(List.of(arguments));
        var outcome = Programs.runIn(path(repository), command.toArray(String[]::new));
        assertThat(outcome.exitCode()).as(outcome.output()).isZero();
        return outcome.output().strip();
    }

    @Override
    public void close() {
        daemon.descendants().forEach(ProcessHandle::destroyForcibly);
        daemon.destroyForcibly();
        try {
            daemon.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
