package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildEntitlement;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As root, with a server to log in to. */
class BuildSshTest extends SshMountContract {
    /** OpenSSH's client in the image, on the network of the server: which algorithm it shall sign with, it says itself. */
    @Test
    @RequiresFeature(Feature.OWN_NETWORK)
    @RequiresProgram({"/usr/sbin/sshd", "ssh"})
    void aClientInsideLogsIn(@TempDir Path place) throws IOException {
        bring("/usr/bin/ssh");
        var keys = keys();
        try (var server = new SshServer(place)) {
            server.authorize(Stream.concat(Stream.of(context.resolve("key")), keys.stream())
                    .toArray(Path[]::new));
            builds.write("root/etc/ssh/ssh_known_hosts", server.known());
            var spec = builds.spec(TOOLS + """
                    RUN --mount=type=ssh --network=host for kind in ssh-ed25519 rsa-sha2-256 rsa-sha2-512 ecdsa-sha2-nistp256 \\
                            ecdsa-sha2-nistp384 ecdsa-sha2-nistp521; do \\
                          ssh -o BatchMode=yes -o PubkeyAcceptedAlgorithms=$kind root@127.0.0.1 echo $kind >>/files || exit; \\
                        done
                    RUN --mount=type=ssh,id=agent,target=/a,mode=0666 --network=host \\
                        ssh -o BatchMode=yes -p 2222 root@127.0.0.1 'echo $SSH_CONNECTION' >/agent
                    USER user
                    RUN --mount=type=ssh,id=agent,uid=1000,required --network=host \\
                        ssh -o BatchMode=yes root@127.0.0.1 id -un >/tmp/user
                    RUN --mount=type=ssh,id=agent --network=host \\
                        ssh -o BatchMode=yes root@127.0.0.1 true 2>/tmp/notmine || echo $? >>/tmp/notmine
                    """)
                    .ssh("default", keys.toArray(Path[]::new))
                    .ssh("agent", socket)
                    .allow(BuildEntitlement.NETWORK_HOST);
            var image = builds.build(spec);

            assertThat(builds.run(image, "cat", "/files")).isEqualTo("""
                            ssh-ed25519
                            rsa-sha2-256
                            rsa-sha2-512
                            ecdsa-sha2-nistp256
                            ecdsa-sha2-nistp384
                            ecdsa-sha2-nistp521
                            """);
            assertThat(builds.run(image, "cat", "/agent")).endsWith(" 127.0.0.1 2222\n");
            assertThat(builds.run(image, "cat", "/tmp/user")).isEqualTo("root\n");
            assertThat(builds.run(image, "cat", "/tmp/notmine"))
                    .as("a socket of root's")
                    .contains("Permission denied")
                    .endsWith("\n255\n");
            var secret = Files.readAllLines(context.resolve("key")).get(2);
            assertThat(image.history() + "" + image.config() + builds.events())
                    .doesNotContain(secret, socket.toString(), "SSH_AUTH_SOCK");
        }
    }
}
