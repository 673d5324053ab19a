package dev.cais.runtime;

import static dev.cais.Ready.all;
import static dev.cais.Ready.http;
import static dev.cais.Ready.listening;
import static dev.cais.Ready.logLine;
import static dev.cais.Ready.not;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.HealthCheck;
import dev.cais.Platform;
import dev.cais.Ready;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TarWriter;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Readiness, health and connections with Debian's own redis and nginx, with no network but loopback. */
@RequiresRoot
@LeakChecked
@Timeout(280)
class ReadyServicesTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    @TempDir
    Path scratch;

    @Test
    void redisIsReadyHealthyAndAnswers(TestStore store) throws Exception {
        var archive = archive("redis", TestImages.debianWith("redis-server"));
        var spec = ContainerSpec.of("redis")
                .command("redis-server", "--save", "", "--bind", "127.0.0.1")
                .user("redis")
                .workdir("/tmp")
                .health(HealthCheck.exec("redis-cli", "ping").interval(Duration.ofMillis(100)));
        try (var engine = store.openEngine()) {
            engine.images().load(archive);
            try (var redis = engine.containers().start(spec)) {
                redis.awaitReady(
                        all(
                                listening(6379),
                                logLine("Ready to accept connections"),
                                Ready.healthy(),
                                not(logLine("Can't|Fatal"))),
                        LONG);

                try (var connection = redis.connect(6379, LONG)) {
                    connection.output().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
                    assertThat(connection.input().readNBytes(7)).asString().isEqualTo("+PONG\r\n");
                }
                assertThat(redis.health().log().get(0).output()).isEqualTo("PONG\n");
                assertThat(redis.stats().memory().bytes()).isPositive();
                assertThat(redis.stop(LONG).exitCode()).isZero();
            }
        }
    }

    @Test
    void nginxAnswersHttp(TestStore store) throws Exception {
        var archive = archive("nginx", TestImages.debianWith("nginx-light"));
        try (var engine = store.openEngine()) {
            engine.images().load(archive);
            try (var nginx =
                    engine.containers().start(ContainerSpec.of("nginx").command("nginx", "-g", "daemon off;"))) {
                nginx.awaitReady(http(80).status(200).body(page -> page.contains("Welcome to nginx")), LONG);
                nginx.awaitReady(http(80).path("/nothing-here").status(404), LONG);
            }
        }
    }

    private Path archive(String name, Path rootfs) throws Exception {
        var layer = Files.readAllBytes(rootfs);
        var digest =
                HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(layer));
        var archive = new TarWriter()
                .file("layer.tar", 0644, layer)
                .file("config.json", 0644, """
                    {"architecture":"%s","os":"linux","config":{"Cmd":["sh"]},\
                    "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}\
                    """.formatted(Platform.host().architecture(), digest))
                .file("manifest.json", 0644, """
                    [{"Config":"config.json","RepoTags":["%s:latest"],"Layers":["layer.tar"]}]\
                    """.formatted(name));
        return Files.write(scratch.resolve(name + ".tar"), archive.bytes());
    }
}
