package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names: of the container itself, of hosts, and of those who know more of them. */
@RequiresRoot
@LeakChecked
class EtcFilesTest {
    private static Engine engine;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    private static String output(ContainerSpec spec, String script) {
        var result = engine.containers().run(spec.command("sh", "-c", script));
        return result.stdout() + result.stderr();
    }

    private static final ContainerSpec BUSYBOX = ContainerSpec.of("busybox");

    @Test
    void hostsNameTheContainerAndItsLoopback() {
        var spec = BUSYBOX.hostname("web")
                .domainname("example.org")
                .extraHost("db", "10.1.2.3")
                .extraHost("v6", "fd00::1");

        assertThat(output(spec, "cat /etc/hosts; cat /etc/hostname; hostname; cat /proc/sys/kernel/domainname"))
                .isEqualTo("""
                        127.0.0.1\tlocalhost
                        ::1\tlocalhost ip6-localhost ip6-loopback
                        fe00::\tip6-localnet
                        ff00::\tip6-mcastprefix
                        ff02::1\tip6-allnodes
                        ff02::2\tip6-allrouters
                        10.1.2.3\tdb
                        fd00::1\tv6
                        127.0.0.1\tweb.example.org web
                        web
                        web
                        example.org
                        """);
        assertThat(output(spec, "ping -c 1 -W 30 web >/dev/null && ping -c 1 -W 30 localhost >/dev/null && echo up"))
                .isEqualTo("up\n");
    }

    @Test
    void aHostnameWithADomainIsAShortOneToo() {
        assertThat(output(BUSYBOX.hostname("web.example.org"), "tail -n 1 /etc/hosts; cat /etc/hostname; hostname"))
                .isEqualTo("127.0.0.1\tweb.example.org web\nweb.example.org\nweb.example.org\n");
    }

    @Test
    void withTheHostsNetworkTheyAreTheHosts() throws IOException {
        var spec = BUSYBOX.hostNetwork().extraHost("db", "10.1.2.3");

        assertThat(output(spec, "cat /etc/hosts")).isEqualTo(read("/etc/hosts") + "10.1.2.3\tdb\n");
        assertThat(output(spec, "cat /etc/resolv.conf")).isEqualTo(read("/etc/resolv.conf"));
        assertThat(output(spec, "hostname")).isEqualTo(read("/proc/sys/kernel/hostname"));
    }

    private static String read(String file) throws IOException {
        return Files.readString(Path.of(file));
    }

    @Test
    void withoutANetworkThereIsNobodyToAsk() {
        assertThat(output(BUSYBOX, "cat /etc/resolv.conf")).isEqualTo("# no network, no name servers\n");
    }

    @Test
    void theyCanBeWrittenAndLeaveNoTraceInDev() {
        assertThat(output(BUSYBOX, "echo 10.9.9.9 more >>/etc/hosts && tail -n 1 /etc/hosts; ls -A /dev | grep '^\\.'"))
                .isEqualTo("10.9.9.9 more\n");
    }

    @Test
    void aReadOnlyRootHasThemToo() {
        assertThat(output(
                        BUSYBOX.readOnlyRoot().hostname("still"),
                        "cat /etc/hostname; touch /x; touch /etc/x; touch /dev/shm/y && echo memory"))
                .isEqualTo("still\nmemory\ntouch: /x: Read-only file system\ntouch: /etc/x: Read-only file system\n");
    }

    /** As in images whose resolv.conf is systemd's, which is not there. */
    @Test
    void aLinkThatLeadsNowhereGivesWay(@TempDir Path directory) throws Exception {
        var root = directory.resolve("root");
        Files.createDirectories(root.resolve("etc"));
        Files.createSymbolicLink(root.resolve("etc/resolv.conf"), Path.of("../run/systemd/resolve/stub-resolv.conf"));
        Files.createSymbolicLink(root.resolve("etc/hosts"), Path.of("/etc/hosts.there"));
        Files.writeString(root.resolve("etc/hosts.there"), "the image's\n");
        Files.createDirectories(root.resolve("bin"));
        Files.copy(Path.of("/bin/busybox"), root.resolve("bin/busybox"));
        var tar = directory.resolve("root.tar");
        assertThat(new ProcessBuilder(List.of("tar", "-C", root.toString(), "-cf", tar.toString(), "."))
                        .inheritIO()
                        .start()
                        .waitFor())
                .isZero();
        var image = engine.images().importRootfs(tar, "links");
        try {
            assertThat(engine.containers()
                            .run(ContainerSpec.of(image)
                                    .command(
                                            "/bin/busybox",
                                            "sh",
                                            "-c",
                                            "busybox cat /etc/resolv.conf; busybox head -n 1 /etc/hosts"))
                            .stdout())
                    .isEqualTo("# no network, no name servers\n127.0.0.1\tlocalhost\n");
        } finally {
            image.remove();
        }
    }

    @Test
    void whatIsNoAddressIsRefused() {
        assertThatThrownBy(() -> BUSYBOX.extraHost("db", "10.1.2.3 evil"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot add host 'db' with address '10.1.2.3 evil': a name has no blanks, an address is as 10.0.0.1"
                                + " or fd00::1, or host-gateway");
    }
}
