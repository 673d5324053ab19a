package dev.cais.runtime;

import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;

/** OpenSSH's agent with keys, behind a socket. */
final class OpenSshAgent implements AutoCloseable {
    private final Path socket;
    private final Process process;

    /** @param socket that is not there yet */
    OpenSshAgent(Path socket, Path... keys) {
        this.socket = socket;
        try {
            process = new ProcessBuilder("ssh-agent", "-D", "-a", socket.toString())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        for (var key : keys) {
            Eventually.isTrue(() -> Programs.run("env", "SSH_AUTH_SOCK=" + socket, "ssh-add", "-q", key.toString())
                            .exitCode()
                    == 0);
        }
    }

    Path socket() {
        return socket;
    }

    @Override
    public void close() {
        process.destroyForcibly();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
