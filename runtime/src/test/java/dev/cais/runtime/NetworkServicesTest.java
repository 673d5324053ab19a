package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.Container;
import dev.cais.ContainerSpec;
import dev.cais.NetworkSpec;
import dev.cais.Ready;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Programs of Debian's that speak to each other over a network: redis, nginx, and glibc's resolver. */
@RequiresRoot
@RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
@LeakChecked
@Timeout(280)
class NetworkServicesTest {
    private static final Duration LONG = Duration.ofSeconds(60);

    private static String output(Container container, String... command) {
        var result = container.exec(command);
        assertThat(result.stderr()).isEmpty();
        return result.stdout();
    }

    @Test
    void servicesAreFoundAndUsedByName(TestStore store) {
        var redisRootfs = TestImages.debianWith("redis-server");
        var nginxRootfs = TestImages.debianWith("nginx-light");
        try (var engine = store.openEngineWithBusybox();
                var net = engine.networks()
                        .create(NetworkSpec.of("services")
                                .subnet("198.18.90.0/24")
                                .subnet("fd00:90::/64"))) {
            engine.images().importRootfs(redisRootfs, "redis");
            engine.images().importRootfs(nginxRootfs, "nginx");
            try (var redis = engine.containers()
                            .start(ContainerSpec.of("redis")
                                    .name("store")
                                    .command("redis-server", "--protected-mode", "no", "--save", "")
                                    .join(net, "cache"));
                    var nginx = engine.containers()
                            .start(ContainerSpec.of("nginx")
                                    .name("web")
                                    .command("nginx", "-g", "daemon off;")
                                    .join(net, "www"));
                    var cli = engine.containers()
                            .start(ContainerSpec.of("redis")
                                    .command("sleep", "1000")
                                    .join(net));
                    var box = engine.containers()
                            .start(ContainerSpec.of("busybox")
                                    .command("sleep", "1000")
                                    .join(net))) {
                redis.awaitReady(Ready.listening(6379), LONG);
                nginx.awaitReady(Ready.listening(80), LONG);

                assertThat(output(cli, "redis-cli", "-h", "cache", "set", "k", "v"))
                        .isEqualTo("OK\n");
                assertThat(output(cli, "redis-cli", "-h", redis.id().substring(0, 12), "get", "k"))
                        .isEqualTo("v\n");
                // glibc asks for A and AAAA at once
                assertThat(output(cli, "getent", "ahostsv4", "WWW")).startsWith("198.18.90.3 ");
                assertThat(output(cli, "getent", "ahostsv6", "web")).startsWith("fd00:90::3 ");
                assertThat(output(cli, "getent", "hosts", "198.18.90.3")).contains(" web");
                assertThat(output(cli, "getent", "hosts", "fd00:90::2")).contains(" store");
                assertThat(box.exec("wget", "-qO-", "http://www/").stdout()).contains("Welcome to nginx");
            }
        }
    }
}
