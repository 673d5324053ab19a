package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.ExecSpec;
import dev.cais.Ready;
import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.nio.file.Files;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** A plain user with subordinate ids: containers have users and groups of their own. */
@AsPlainUser(subordinateIds = true, debian = "redis-server")
@LeakChecked
class RootlessTest extends RootlessContract {
    @Test
    void usersAndGroupsAreTheContainersOwn(TestStore store) {
        try (var engine = store.openEngineWithBusybox();
                var box = engine.containers().start(BUSYBOX.user("guest").command("sleep", "1000"))) {
            assertThat(box.exec("id").stdout())
                    .isEqualTo("uid=1000(guest) gid=1000(guest) groups=29(audio),44(video),1000(guest)\n");
            var root = ExecSpec.of("sh", "-c", "chown 1000:29 /root && stat -c %u:%g /root")
                    .user("root");
            assertThat(box.exec(root).stdout()).isEqualTo("1000:29\n");
            assertThat(box.top()).extracting(process -> process.user()).contains("guest");
        }
    }

    @Test
    void numbersBeyondTheSubordinateOnesAreRefused(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            assertRefused(
                    engine,
                    BUSYBOX.user("70000"),
                    "cannot create container box: it is to run as user 70000, but without root its containers have only"
                            + " the numbers 0 to 65536; install newuidmap and newgidmap (Debian: uidmap), and have root"
                            + " give you numbers: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER");
        }
    }

    @Test
    void filesOfSubordinateIdsAreRemovedWithTheirContainer(TestStore store) {
        try (var engine = store.openEngineWithBusybox()) {
            var box = engine.containers()
                    .start(
                            sh(
                                    "mkdir -m 700 /root/a && echo x >/root/a/b && chown -R 1000:1000 /root/a && echo ready; sleep 1000"));
            box.awaitReady(Ready.logLine("ready"), Duration.ofSeconds(60));
            var upper = box.inspect().upper();
            assertThat(upper).exists();
            box.close();

            assertThat(Files.exists(upper)).isFalse();
        }
    }

    @Test
    void serviceThatChangesItsUserRuns(TestStore store) {
        try (var engine = store.openEngine()) {
            engine.images().importRootfs(TestImages.debianWith("redis-server"), "redis");
            var spec = ContainerSpec.of("redis")
                    .noNetwork()
                    .user("redis")
                    .command("redis-server", "--dir", "/var/lib/redis", "--save", "", "--daemonize", "no");
            try (var redis = engine.containers().start(spec)) {
                redis.awaitReady(Ready.listening(6379), Duration.ofSeconds(60));

                assertThat(redis.exec("redis-cli", "set", "ship", "quay").stdout())
                        .isEqualTo("OK\n");
                assertThat(redis.exec("redis-cli", "save").stdout()).isEqualTo("OK\n");
                assertThat(redis.exec("stat", "-c", "%U", "/var/lib/redis/dump.rdb")
                                .stdout())
                        .isEqualTo("redis\n");
            }
        }
    }
}
