package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.CancelledException;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresProgram;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** {@code RUN --mount=type=ssh}, with OpenSSH's agent and its programs inside: as root, and as a plain user. */
@RequiresProgram("ssh-agent")
abstract class SshMountContract extends BuildsByOneEngine {
    private static final Pattern LIBRARY = Pattern.compile("(/\\S+) \\(0x");

    private OpenSshAgent agent;
    Path socket = Path.of("/");
    private String fingerprint = "";

    @BeforeEach
    void begin() throws IOException {
        bring("/usr/bin/ssh-add");
        socket = context.resolve("agent");
        var key = context.resolve("key").toString();
        Programs.output("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a key", "-f", key);
        fingerprint = Programs.output("ssh-keygen", "-l", "-f", key).strip();
        agent = new OpenSshAgent(socket, Path.of(key));
    }

    @AfterEach
    void end() {
        agent.close();
    }

    /** A program of the host with its libraries, to {@code root}. */
    final void bring(String program) throws IOException {
        copy(Path.of(program));
        var libraries = LIBRARY.matcher(Programs.output("ldd", program));
        while (libraries.find()) {
            copy(Path.of(libraries.group(1)));
        }
        builds.write("root/etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n");
        builds.write(".dockerignore", "agent\nkey*\n");
    }

    private void copy(Path file) throws IOException {
        var target = Path.of(context + "/root" + file);
        Files.createDirectories(target.getParent());
        Files.copy(file, target, StandardCopyOption.REPLACE_EXISTING);
    }

    static final String TOOLS = "FROM busybox\nCOPY root/ /\n";

    @Test
    void aProgramAsksTheAgent() {
        var image = builds.build(builds.spec(TOOLS + """
                        RUN --mount=type=ssh ssh-add -l >/keys; echo $SSH_AUTH_SOCK >/where; stat -c '%a %u %g' $SSH_AUTH_SOCK >>/where
                        RUN --mount=type=ssh,id=default,target=/s/agent,mode=0620,uid=7,gid=8 echo $SSH_AUTH_SOCK >>/where; \\
                            stat -c '%a %u %g' /s/agent >>/where
                        USER user
                        RUN --mount=type=ssh,uid=1000 ssh-add -l >/tmp/keys
                        """).ssh("default", socket));

        assertThat(builds.run(image, "cat", "/keys", "/tmp/keys")).isEqualTo(fingerprint + "\n" + fingerprint + "\n");
        assertThat(builds.run(image, "cat", "/where"))
                .isEqualTo("/run/buildkit/ssh_agent.0\n600 0 0\n/s/agent\n620 7 8\n");
        assertThat(builds.run(image, "sh", "-c", "ls -d /run/buildkit /s 2>/dev/null; echo [$SSH_AUTH_SOCK]"))
                .isEqualTo("[]\n");
    }

    @Test
    void itMayNotChangeTheAgent() {
        var image = builds.build(builds.spec(TOOLS + """
                        RUN --mount=type=ssh ssh-add -D; ssh-add -x </dev/null; ssh-add -l >/keys; \\
                            i=0; while [ $i -lt 20 ]; do ssh-add -l; i=$((i+1)); done >/many
                        """).ssh("default", socket));

        assertThat(builds.run(image, "cat", "/keys")).isEqualTo(fingerprint + "\n");
        assertThat(builds.run(image, "cat", "/many")).isEqualTo((fingerprint + "\n").repeat(20));
        assertThat(Programs.output("env", "SSH_AUTH_SOCK=" + socket, "ssh-add", "-l")
                        .strip())
                .isEqualTo(fingerprint);
    }

    @Test
    void withoutAnAgentAProgramGoesOnUnlessItMustHaveOne() {
        var image = builds.build("FROM busybox\nRUN --mount=type=ssh,id=other echo [$SSH_AUTH_SOCK] >/where\n");
        assertThat(builds.run(image, "cat", "/where")).isEqualTo("[]\n");
        assertThatThrownBy(() -> builds.build("FROM busybox\nRUN --mount=type=ssh,required true\n"))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("the build was given no ssh agent default [line=2]; add it with BuildSpec.ssh");
        assertThatThrownBy(() -> builds.build(
                        builds.spec("FROM busybox\nRUN --mount=type=ssh ls\n").ssh("default", context.resolve("none"))))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("there is no ssh agent at " + context.resolve("none") + " [cause=");
    }

    /** All forms and kinds that OpenSSH writes. */
    final List<Path> keys() {
        var keys = new ArrayList<Path>();
        for (var kind : List.of(
                "ed25519 -m RFC4716",
                "rsa -b 2048 -m RFC4716",
                "rsa -b 3072 -m PEM",
                "rsa -b 2048 -m PKCS8",
                "ecdsa -b 256 -m RFC4716",
                "ecdsa -b 256 -m PEM",
                "ecdsa -b 384 -m PKCS8",
                "ecdsa -b 521 -m RFC4716")) {
            keys.add(key("key" + keys.size(), "", kind));
        }
        return keys;
    }

    private Path key(String name, String passphrase, String kind) {
        var file = context.resolve(name);
        var command = new ArrayList<>(
                List.of("ssh-keygen", "-q", "-N", passphrase, "-C", "of " + name, "-f", file.toString(), "-t"));
        command.addAll(List.of(kind.split(" ")));
        Programs.output(command.toArray(String[]::new));
        return file;
    }

    /** {@code ssh-add -T} has something signed, and checks it with the public key; {@code ssh-keygen} wants RSA with SHA-512. */
    @Test
    void keysOfFilesSign() throws IOException {
        bring("/usr/bin/ssh-keygen");
        var keys = keys();
        for (var key : keys) {
            var name = key.getFileName() + ".pub";
            builds.write("root/public/" + name, Files.readString(key.resolveSibling(name)));
        }
        var image = builds.build(builds.spec(TOOLS + """
                        RUN --mount=type=ssh ssh-add -T /public/*.pub && ssh-add -l | cut -d ' ' -f 1,2 >/keys && \\
                            for key in /public/*.pub; do \\
                              echo text | ssh-keygen -q -Y sign -f $key -n tests >/signed && \\
                              echo text | ssh-keygen -Y check-novalidate -n tests -s /signed >>/checked || exit; done
                        RUN --mount=type=ssh,id=one ssh-add -l >/one
                        """)
                .ssh("default", keys.toArray(Path[]::new))
                .ssh("one", keys.get(0)));

        var listed = new StringBuilder();
        for (var key : keys) {
            var words =
                    Programs.output("ssh-keygen", "-l", "-f", key.toString()).split(" ");
            listed.append(words[0] + " " + words[1] + "\n");
        }
        assertThat(builds.run(image, "cat", "/keys")).isEqualTo(listed.toString());
        assertThat(builds.run(image, "cat", "/one"))
                .isEqualTo(Programs.output("ssh-keygen", "-l", "-f", keys.get(0).toString()));
        assertThat(builds.run(image, "grep", "-c", "Good \"tests\" signature", "/checked"))
                .isEqualTo(keys.size() + "\n");
    }

    /** The client waits for a server that says nothing; whoever cancels the build does not. */
    @Test
    @RequiresFeature(Feature.OWN_NETWORK)
    @RequiresProgram("ssh")
    void aBuildThatIsCancelledEndsTheClientAndTheAgentsSocket() throws Exception {
        bring("/usr/bin/ssh");
        try (var silent = new SilentServer()) {
            var spec = builds.spec(
                            TOOLS + "RUN --mount=type=ssh --network=host ssh -p " + silent.port() + " root@127.0.0.1\n")
                    .ssh("default", socket)
                    .allow(BuildEntitlement.NETWORK_HOST);
            assertThat(silent.cancel(builds, spec)).isExactlyInstanceOf(CancelledException.class);
        }
    }

    @Test
    @RequiresProgram("openssl")
    void anEd25519KeyOfPkcs8HasItsPublicKeyFound() throws IOException {
        var pem = context.resolve("key.pem");
        Programs.output("openssl", "genpkey", "-algorithm", "ed25519", "-out", pem.toString());
        var encoded = Base64.getMimeDecoder()
                .decode(Programs.output("openssl", "pkey", "-in", pem.toString(), "-pubout")
                        .replaceAll("-----.*-----", ""));
        var blob = ByteBuffer.allocate(51)
                .putInt(11)
                .put("ssh-ed25519".getBytes(StandardCharsets.US_ASCII))
                .putInt(32)
                .put(encoded, encoded.length - 32, 32);
        builds.write("root/public.pub", "ssh-ed25519 " + Base64.getEncoder().encodeToString(blob.array()) + "\n");
        assertThat(builds.build(builds.spec(TOOLS + "RUN --mount=type=ssh ssh-add -T /public.pub\n")
                        .ssh("default", pem)))
                .isNotNull();
    }

    private void assertRefused(String why, Path... paths) {
        assertThatThrownBy(() -> builds.build(
                        builds.spec("FROM busybox\nRUN --mount=type=ssh ls\n").ssh("default", paths)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("cannot use ssh key " + paths[0] + ": " + why + "\n");
    }

    @Test
    void aKeyThatCannotBeUsedIsTold() throws IOException {
        var help = "; add it to an agent with ssh-add, and give the agent's socket";
        assertRefused("it is encrypted [line=2]" + help, key("new", "secret", "ed25519"));
        assertRefused("it is encrypted [line=2]" + help, key("pem", "secret", "rsa -b 2048 -m PEM"));
        assertRefused("it is encrypted [line=2]" + help, key("pkcs8", "secret", "rsa -b 2048 -m PKCS8"));
        assertRefused("it is a public key [line=2]; give the private one", context.resolve("new.pub"));
        assertRefused("there is no such file [line=2]", context.resolve("none"), context.resolve("new"));

        var text = context.resolve("text");
        Files.writeString(text, "no key at all\n");
        assertRefused("it is no key in OpenSSH's form or PEM [line=2]", text);
        Files.writeString(text, "x".repeat(200 * 1024));
        assertRefused("it has more than 100 KiB [line=2]", text);
        for (var label : List.of("OPENSSH PRIVATE KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")) {
            Files.writeString(text, "-----BEGIN " + label + "-----\nMDA5MTIzNDU2Nzg5\n-----END " + label + "-----\n");
            assertRefused("it is damaged [line=2]", text);
        }
        Files.writeString(text, "-----BEGIN DSA PRIVATE KEY-----\nMDA5\n-----END DSA PRIVATE KEY-----\n");
        assertRefused(
                "it is of another kind: DSA PRIVATE KEY [line=2];"
                        + " give RSA, ECDSA or Ed25519, or the socket of an agent that has it",
                text);
        assertThatThrownBy(() -> builds.spec("FROM busybox\n").ssh("default"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot build with ssh agent default: it has no keys and no socket;"
                        + " give what SSH_AUTH_SOCK says, or files of private keys");
    }
}
