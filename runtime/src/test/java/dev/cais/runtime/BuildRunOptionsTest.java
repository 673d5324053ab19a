package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.ByteSize;
import dev.cais.ContainerSpec;
import dev.cais.InvalidSpecException;
import dev.cais.NetworkSpec;
import dev.cais.Ready;
import dev.cais.Rlimit;
import dev.cais.fixtures.Feature;
import dev.cais.fixtures.RequiresFeature;
import dev.cais.fixtures.TestStore;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a build says of the containers of its {@code RUN} steps. */
class BuildRunOptionsTest extends BuildsByOneEngine {
    @Test
    void limitsAreThoseOfTheProgramsAndOfNoImage() {
        var spec = builds.spec("""
                FROM busybox
                RUN ulimit -n >/seen; df -k /dev/shm | tail -n 1 | awk '{print $2}' >>/seen
                RUN head -c 100m /dev/zero | tail >/dev/null; echo $? >>/seen
                CMD cat /seen; ulimit -n
                """)
                .runs(container -> container
                        .rlimit(new Rlimit("nofile", 512, 512))
                        .shmSize(ByteSize.mib(3))
                        .memory(ByteSize.mib(24)));

        assertThat(builds.run(builds.build(spec)))
                .startsWith("512\n3072\n137\n")
                .doesNotEndWith("\n512\n");
    }

    @Test
    void aStepDependsOnHostsAndNotOnLimits() {
        var plain = builds.spec("""
                FROM busybox
                RUN grep quay /etc/hosts >/hosts || true
                CMD ["cat", "/hosts"]
                """);
        var named = plain.runs(container -> container.extraHost("quay", "198.18.9.1"));

        assertThat(builds.run(builds.build(plain))).isEmpty();
        assertThat(builds.run(builds.build(named))).isEqualTo("198.18.9.1\tquay\n");
        builds.carriedOut();
        builds.build(named.runs(container -> container.pids(100)));
        assertThat(builds.carriedOut()).isEmpty();
        builds.build(named.runs(container -> container.extraHost("quay", "198.18.9.2")));
        assertThat(builds.carriedOut())
                .containsExactly("[0 1] RUN grep quay /etc/hosts >/hosts || true (host quay changed)");
    }

    @Test
    void theNetworkIsThatOfStepsWhichNameNone() {
        var spec = builds.spec("""
                FROM busybox
                RUN ls /sys/class/net >/links
                CMD ["cat", "/links"]
                """);
        var linksOfThisHost = engine.containers()
                .run(ContainerSpec.of("busybox").hostNetwork().command("ls", "/sys/class/net"))
                .stdout();

        assertThat(builds.run(builds.build(spec.runs(ContainerSpec::hostNetwork))))
                .isEqualTo(linksOfThisHost);
        assertThat(builds.run(builds.build(spec.runs(ContainerSpec::noNetwork))))
                .isEqualTo("lo\n");
        builds.carriedOut();
        builds.build(builds.spec("FROM busybox\nRUN --network=none ls /sys/class/net >/links\n"));
        assertThat(builds.carriedOut()).isEmpty();
    }

    @Test
    void whatTheDockerfileAsksForItselfIsAllowedOrNot() {
        var spec = builds.spec("FROM busybox\nRUN --network=host true");

        assertThatThrownBy(() -> builds.build(spec.runs(ContainerSpec::noNetwork)))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("RUN --network=host is not allowed");
    }

    @Test
    @RequiresFeature({Feature.OWN_NETWORK, Feature.NF_TABLES})
    void aStepReachesAServiceOnItsBuildsNetwork(TestStore place) {
        try (var connected = place.openEngineWithBusybox()) {
            var own = TestBuilds.of(connected, context);
            var spec = own.spec("""
                    FROM busybox
                    RUN wget -q -O /cargo http://store:8080/cargo
                    CMD ["cat", "/cargo"]
                    """).runs(container -> container.network("harbour"));
            var serving = ContainerSpec.of("busybox")
                    .name("store")
                    .network("harbour")
                    .command("sh", "-c", "echo tea >/cargo; exec httpd -f -p 8080 -h /");

            assertThatThrownBy(() -> own.build(spec))
                    .isInstanceOf(BuildException.class)
                    .hasMessageContaining("this engine has no network harbour");
            connected.networks().create(NetworkSpec.of("harbour"));
            try (var warehouse = connected.containers().start(serving)) {
                warehouse.awaitReady(Ready.listening(8080), Duration.ofSeconds(60));

                assertThat(own.run(own.build(spec))).isEqualTo("tea\n");
            }
        }
    }

    @Test
    void nothingElseIsTaken() {
        assertThatThrownBy(() -> BuildSpec.of(context).runs(container -> container.env("A", "1")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot build with containers of that kind: a RUN takes its network, further hosts, name servers and"
                                + " limits of its build, and nothing else; say in the Dockerfile what its program, user, variables and"
                                + " mounts are");
        assertThatThrownBy(() -> BuildSpec.of(context).runs(container -> container.extraHost("a b", "x")))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot add host 'a b' with address 'x'");
    }

    @Test
    void aCheckTellsOfWarningsAndBuildsNothing() {
        var spec = builds.spec("""
                # check=error=true
                FROM busybox AS Quay
                RUN exit 1
                CMD ls
                """);

        assertThat(engine.images().check(spec))
                .hasToString(
                        "[line 2: stage name Quay is not in lower case (StageNameCasing), line 4: CMD is a line for a shell,"
                                + " which signals do not pass (JSONArgsRecommended)]");
        assertThat(engine.images().check(builds.spec("FROM busybox\nRUN true"))).isEmpty();
        assertThatThrownBy(() -> engine.images().check(builds.spec("FORM busybox")))
                .isInstanceOf(BuildException.class)
                .hasMessageContaining("did you mean FROM?");
    }
}
