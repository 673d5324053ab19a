package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Git's daemon on loopback, and repositories that it serves. */
final class GitServer implements AutoCloseable {
    /** The time of all commits. */
    static final long TIME = 1_577_934_245;

    private final Path directory;
    private final Process daemon;
    private final int port;

    GitServer(Path directory) {
        this.directory = directory;
        try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            daemon = new ProcessBuilder(
                            "git",
                            "daemon",
                            "--listen=127.0.0.1",
                            "--port=" + port,
                            "--reuseaddr",
                            "--export-all",
                            "--base-path=" + directory)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        awaitServing();
    }

    private void awaitServing() {
        var end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                assertThat(socket.isConnected()).isTrue();
                return;
            } catch (IOException e) {
                assertThat(System.nanoTime()).as("git daemon serves").isLessThan(end);
                Thread.onSpinWait();
            }
        }
    }

    String url(String repository) {
        return "git://127.0.0.1:" + port + "/" + repository;
    }

    Path path(String repository) {
        return directory.resolve(repository);
    }

    /** A repository with a work tree, which is filled, and committed by {@link #commit}. */
    Path create(String repository) {
        var path = directory.resolve(repository);
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        git(repository, "init", "--quiet", "--initial-branch=main");
        return path;
    }

    /** Commits all there is, and gives the commit. */
    String commit(String repository) {
        git(repository, "add", "--all");
        git(repository, "commit", "--quiet", "--allow-empty", "--message=all");
        return git(repository, "rev-parse", "HEAD");
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
