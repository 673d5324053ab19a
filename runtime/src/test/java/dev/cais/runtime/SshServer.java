package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * OpenSSH's server on loopback, on ports 22 and 2222 of this JVM's own network namespace: lets root in with keys that are authorized, and
 * would ask for a password. What it needs below {@code /run} it has in a mount namespace of its own.
 */
final class SshServer implements AutoCloseable {
    static final int PORT = 2222;

    private final Path directory;
    private final Process server;

    /** @param directory empty, for its files */
    SshServer(Path directory) {
        this.directory = directory;
        try {
            key("host", "ed25519");
            Files.createFile(directory.resolve("authorized"));
            Files.writeString(directory.resolve("config"), configuration());
            server = new ProcessBuilder(
                            "unshare",
                            "--mount",
                            "sh",
                            "-c",
                            "mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f \"$0\"",
                            directory.resolve("config").toString())
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(directory.resolve("log").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Eventually.isTrue(this::isServing);
    }

    private String configuration() {
        var config = """
                Port 22
                Port %d
                ListenAddress 127.0.0.1
                HostKey %2$s/host
                AuthorizedKeysFile %2$s/authorized
                StrictModes no
                UsePAM no
                PermitRootLogin yes
                PasswordAuthentication yes
                KbdInteractiveAuthentication no
                PidFile none
                """.formatted(PORT, directory);
        var isNew = Programs.run("/usr/sbin/sshd", "-t", "-h", directory + "/host", "-o", "PerSourcePenalties=no")
                        .output()
                        .contains("Bad configuration option")
                ? ""
                : "PerSourcePenalties no\n";
        return config + isNew;
    }

    private boolean isServing() {
        assertThat(server.isAlive()).as(log()).isTrue();
        try (var socket = new Socket(InetAddress.getLoopbackAddress(), PORT)) {
            return socket.getInputStream().read() == 'S'; // SH-2.0-…
        } catch (IOException e) {
            return false;
        }
    }

    String log() {
        try {
            return Files.readString(directory.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** A new pair of keys, the public one beside it. */
    Path key(String name, String kind) {
        var file = directory.resolve(name);
        Programs.output(
                "sh", "-c", "exec ssh-keygen -q -N '' -C 'of " + name + "' -f \"$0\" -t " + kind, file.toString());
        return file;
    }

    /** Lets root in with these private keys, and no others. */
    void authorize(Path... keys) {
        var all = new StringBuilder();
        for (var key : keys) {
            all.append(publicKey(key)).append('\n');
        }
        write(directory.resolve("authorized"), all.toString());
    }

    private static String publicKey(Path key) {
        try {
            return Files.readString(Path.of(key + ".pub")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What {@code known_hosts} has of it. */
    String known() {
        return known(directory.resolve("host"));
    }

    /** The same if it had another key. */
    static String known(Path key) {
        var words = List.of(publicKey(key).split(" "));
        return "127.0.0.1,[127.0.0.1]:" + PORT + " " + words.get(0) + " " + words.get(1) + "\n";
    }

    Path knownHosts(String name) {
        return write(directory.resolve(name), known());
    }

    private static Path write(Path file, String content) {
        try {
            Files.createDirectories(file.getParent());
            return Files.writeString(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** OpenSSH's agent with these keys. */
    OpenSshAgent agent(Path... keys) {
        return new OpenSshAgent(directory.resolve("agent"), keys);
    }

    @Override
    public void close() {
        server.descendants().forEach(ProcessHandle::destroyForcibly);
        server.destroyForcibly();
        try {
            server.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
