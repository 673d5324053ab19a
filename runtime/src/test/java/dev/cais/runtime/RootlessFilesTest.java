package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.CommitOptions;
import dev.cais.ContainerSpec;
import dev.cais.CopySource;
import dev.cais.Engine;
import dev.cais.Ready;
import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.ChildJvm;
import dev.cais.fixtures.Eventually;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Debian's files, of many users, in the hands of a plain one. */
@AsPlainUser(subordinateIds = true, debian = DebiansFilesAsPlainUser.REDIS)
class RootlessFilesTest extends DebiansFilesAsPlainUser {
    /** Mode, owner and name of everything but devices; which of a file's names is the first one is nobody's business. */
    private static Set<String> listing(Path tar) {
        return Programs.output("tar", "--numeric-owner", "-tvf", tar.toString())
                .lines()
                .filter(line -> !line.startsWith("c") && !line.startsWith("b"))
                .map(line -> line.split("\\s+", 6))
                .map(fields -> fields[0].replaceFirst("^h", "-") + " " + fields[1] + " "
                        + fields[5].replaceFirst("^\\./", "").replaceFirst(" link to .*", ""))
                .filter(line -> !line.matches(".* (dev|proc|sys)/.*|.* /?|.* etc/(hosts|hostname|resolv.conf)"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    void whatIsImportedIsExportedFileByFile() {
        var tar = directory.resolve("export.tar");
        try (var container = engine.containers().create(ContainerSpec.of(debian).command("true"))) {
            container.export(tar);
        }

        var imported = listing(TestImages.debianWith(REDIS));
        var exported = listing(tar);
        assertThat(imported).hasSizeGreaterThan(3000);
        assertThat(exported).filteredOn(line -> !imported.contains(line)).isEmpty();
        assertThat(imported).filteredOn(line -> !exported.contains(line)).isEmpty();
    }

    @Test
    void containersSeeTheirOwnUsers() {
        assertThat(run(debian, "stat -c '%U:%G %a' /var/lib/redis /bin/su /etc/shadow /usr/bin/chage"))
                .isEqualTo("redis:redis 750\nroot:root 4755\nroot:shadow 640\nroot:shadow 2755\n");
    }

    @Test
    void aUsersClosedDirectoryIsCommittedAndComparedAndCopied() throws IOException {
        var host = Files.writeString(directory.resolve("host"), "from the host");
        try (var container = engine.containers()
                .start(ContainerSpec.of(debian)
                        .command(
                                "sh",
                                "-c",
                                "su -s /bin/sh redis -c 'umask 077; cd; mkdir own; echo redis >own/file'; rm -r /var/backups"
                                        + "; chmod 700 /var/lib/redis; echo ready; sleep 1000"))) {
            container.awaitReady(Ready.logLine("ready"), Duration.ofSeconds(60));
            container.copyIn(CopySource.of(host).owner(100, 101), "/var/lib/redis/own/copied");

            assertThat(container.stat("/var/lib/redis/own/copied").orElseThrow())
                    .matches(stat -> stat.uid() == 100 && stat.gid() == 101);
            assertThat(container.diff())
                    .extracting(Object::toString)
                    .contains(
                            "C /var/lib/redis",
                            "A /var/lib/redis/own",
                            "A /var/lib/redis/own/copied",
                            "A /var/lib/redis/own/file",
                            "D /var/backups");
            container.copyOut("/var/lib/redis/own", directory.resolve("out"));
            assertThat(directory.resolve("out/file")).hasContent("redis");
            assertThat(directory.resolve("out/copied")).hasContent("from the host");

            var committed = container.commit("committed", CommitOptions.DEFAULT.withoutPause());
            assertThat(run(
                            committed,
                            "cd /var/lib/redis; stat -c '%U:%G %a %n' . own own/*; test -e /var/backups || echo gone"))
                    .isEqualTo("""
                            redis:redis 700 .
                            redis:redis 700 own
                            redis:redis 644 own/copied
                            redis:redis 600 own/file
                            gone
                            """);
            engine.images().remove("committed");
        }
    }

    @Test
    void volumesBeginWithTheFilesOfTheirUsers() {
        var volume = engine.volumes().create("data");
        var spec = ContainerSpec.of(debian).mount(volume, "/var/lib/redis");

        engine.containers().run(spec.command("sh", "-c", "su -s /bin/sh redis -c 'echo x >~/kept'; chmod 700 ~redis"));
        var seen = engine.containers().run(spec.command("sh", "-c", "cd ~redis; stat -c '%U %a %n' . *"));

        assertThat(seen.stdout()).isEqualTo("redis 700 .\nredis 644 kept\n");
        volume.remove();
        assertThat(engine.volumes().list()).isEmpty();
    }

    @Test
    void buildsHaveUsersOfTheirOwn() throws IOException {
        var builds = TestBuilds.of(engine, Files.createDirectory(directory.resolve("context")));
        builds.write("a", "a\n");
        builds.write("b", "b\n");
        var dockerfile = """
                FROM debian AS first
                RUN useradd -u 5000 -m app && install -d -o app -g app -m 700 /srv/app \\
                 && cp /bin/cat /srv/app/cat && chown app /srv/app/cat && chmod 4711 /srv/app/cat
                COPY --chown=5000:5000 --chmod=600 a /srv/app/a
                COPY --chown=app:redis b /srv/app/below/
                USER app
                WORKDIR /srv/app
                RUN --mount=type=cache,target=/cache,uid=5000,mode=0700 id -u >/cache/who && cp /cache/who who \\
                 && mkdir -m 500 closed && rm below/b
                FROM debian
                COPY --from=first --chown=7:8 /srv/app/a /srv/a
                COPY --from=first /srv/app /srv/app
                """;

        var image = builds.build(dockerfile);

        assertThat(run(image, "cd /srv; stat -c '%u:%g %a %n' a app app/*; cat app/who app/a"))
                .isEqualTo("""
                        7:8 600 a
                        0:0 755 app
                        5000:5000 600 app/a
                        5000:101 755 app/below
                        5000:0 4711 app/cat
                        5000:5000 500 app/closed
                        5000:5000 644 app/who
                        5000
                        a
                        """);
        builds.carriedOut();
        assertThat(builds.build(dockerfile).id()).isEqualTo(image.id());
        assertThat(builds.carriedOut()).as("all is cached").isEmpty();
    }

    /** A JVM that is killed in the midst: ARGS is the store. */
    static final class Victim {
        public static void main(String[] args) throws Exception {
            var engine = Engine.open(new TestStore(Path.of(args[0])).options());
            var script =
                    "mkdir -p /closed/below; echo x >/closed/below/file; chown -R redis /closed; chmod 500 /closed /closed/*";
            var container = engine.containers()
                    .start(ContainerSpec.of("debian").command("sh", "-c", script + "; touch /done; sleep 1000"));
            container.awaitReady(Ready.file("/done"), Duration.ofSeconds(60));
            System.out.println(engine.info().id());
            Thread.sleep(600_000);
        }
    }

    @Test
    void filesThatAKilledJvmsContainersMadeGoWithIt() throws Exception {
        var store = engine.info().store();
        Path left;
        try (var jvm = ChildJvm.start(Victim.class, store.toString())) {
            left = store.resolve("engines").resolve(jvm.readLine());
            assertThat(left).exists();
            jvm.kill();
        }

        Eventually.passes(() -> assertThat(left)
                .as("removed by the engine's will, before another engine looks")
                .doesNotExist());
    }
}
