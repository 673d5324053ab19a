package dev.cais.network.dns;

import static dev.cais.network.dns.ZoneTest.address;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.fixtures.Eventually;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResolvConfTest {
    @Test
    void readsWhatLibcReads() {
        var conf = ResolvConf.parse("""
                # made by hand
                domain old.example
                nameserver 10.1.1.1
                nameserver\tfd00::1
                ; another comment
                search corp.example example
                options ndots:2 timeout:3
                options attempts:4 rotate
                sortlist 130.155.160.0
                """);
        assertThat(conf)
                .isEqualTo(new ResolvConf(
                        List.of(address("10.1.1.1"), address("fd00::1")),
                        List.of("corp.example", "example"),
                        List.of("ndots:2", "timeout:3", "attempts:4", "rotate")));
        assertThat(conf.upstream())
                .isEqualTo(new Upstream(
                        List.of(
                                new InetSocketAddress(address("10.1.1.1"), 53),
                                new InetSocketAddress(address("fd00::1"), 53)),
                        Duration.ofSeconds(12),
                        true,
                        false));
    }

    @Test
    void textOfAFileIsReadAsTheSameAgain() {
        var text = """
                nameserver 10.1.1.1
                search corp.example
                options ndots:0 use-vc
                """;
        assertThat(ResolvConf.parse(text)).hasToString(text);
        assertThat(ResolvConf.parse("")).hasToString("");
    }

    @Test
    void whatIsNoAddressIsNeitherTakenNorLookedUp() {
        var conf = ResolvConf.parse("""
                nameserver ns.example
                nameserver
                nameserver 10.1.1
                nameserver 300.1.1.1
                nameserver fe80::1%nothere
                nameserver 10.1.1.1
                nameserver 10.1.1.2
                nameserver 10.1.1.3
                nameserver 10.1.1.4
                """);
        assertThat(conf.nameservers()).containsExactly(address("10.1.1.1"), address("10.1.1.2"), address("10.1.1.3"));
    }

    @Test
    void serverOfOneLinkHasItsScope() {
        assertThat(ResolvConf.parse("nameserver fe80::1%lo").upstream().servers())
                .singleElement()
                .satisfies(server ->
                        assertThat(server.getAddress().getHostAddress()).matches("fe80:0:0:0:0:0:0:1%(1|lo)"));
    }

    @Test
    void withoutServersThisHostIsAsked() {
        assertThat(ResolvConf.parse("search example").upstream().servers())
                .containsExactly(new InetSocketAddress(address("127.0.0.1"), 53));
    }

    @Test
    void patienceHasBounds() {
        assertThat(ResolvConf.parse("").upstream().patience()).isEqualTo(Duration.ofSeconds(10));
        assertThat(ResolvConf.parse("options timeout:0").upstream().patience()).isEqualTo(Duration.ofSeconds(1));
        assertThat(ResolvConf.parse("options timeout:9999 attempts:9999")
                        .upstream()
                        .patience())
                .isEqualTo(Duration.ofSeconds(30));
        assertThat(ResolvConf.parse("options timeout:99999999999999").upstream().patience())
                .isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void changedFileIsReadAgain(@TempDir Path directory) throws Exception {
        var file = directory.resolve("resolv.conf");
        Files.writeString(file, "nameserver 10.1.1.1\n");
        var host = new HostUpstream(file);
        assertThat(server(host)).isEqualTo("10.1.1.1");
        Files.delete(file);
        rewrite(file, "nameserver 10.1.1.2\n");
        Eventually.passes(() -> assertThat(server(host)).isEqualTo("10.1.1.2"));
    }

    /** At another time than before, however coarse the file system's clock. */
    private static void rewrite(Path file, String text) throws IOException {
        Files.writeString(file, text);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1));
    }

    private static String server(HostUpstream host) {
        return host.current().servers().get(0).getAddress().getHostAddress();
    }
}
