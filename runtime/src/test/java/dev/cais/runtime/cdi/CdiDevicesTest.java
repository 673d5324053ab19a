package dev.cais.runtime.cdi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.BuildContext;
import dev.cais.BuildEntitlement;
import dev.cais.BuildException;
import dev.cais.BuildRun;
import dev.cais.BuildSpec;
import dev.cais.BuildStage;
import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.EngineOptions;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.UnsupportedHostException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Devices that vendors describe, in real containers. */
@RequiresRoot
@LeakChecked
@Timeout(120)
class CdiDevicesTest {
    @TempDir
    Path host;

    private Path etc;
    private Path run;

    @BeforeEach
    void makeDirectories() throws IOException {
        etc = Files.createDirectory(host.resolve("etc"));
        run = Files.createDirectory(host.resolve("run"));
        Files.writeString(host.resolve("driver.so"), "code of the driver");
    }

    private void write(Path directory, String name, String text) throws IOException {
        Files.writeString(directory.resolve(name), text.replace("HOST", host.toString()));
    }

    private Engine open(TestStore store, boolean strict) {
        var engine = Engine.open(EngineOptions.defaults()
                .store(store.path())
                .cdiDirectories(etc, host.resolve("none"), run)
                .strictLimits(strict));
        engine.images().load(TestImages.busyboxArchive());
        return engine;
    }

    private static ContainerSpec sh(String script) {
        return ContainerSpec.of("busybox").command("sh", "-c", script).name("web");
    }

    private static final String CARD = """
            cdiVersion: 0.6.0
            kind: vendor.com/card
            containerEdits:
              env: ["DRIVER=1.2", "OWN=vendor"]
              mounts:
                - hostPath: HOST/driver.so
                  containerPath: /usr/lib/driver.so
                  options: [ro, nosuid, nodev, bind]
            devices:
              - name: "0"
                containerEdits:
                  deviceNodes:
                    - {path: /dev/card0, hostPath: /dev/zero}
                  additionalGids: [44, 0]
              - name: all
                containerEdits:
                  deviceNodes:
                    - path: /dev/card0
                      hostPath: /dev/zero
                    - path: /dev/null
                  env: [CARDS=2]
            """;

    @Test
    void aDeviceBringsItsNodesFilesVariablesAndGroups(TestStore store) throws IOException {
        write(etc, "card.yaml", CARD);
        try (var engine = open(store, true)) {
            var look =
                    sh("cat /usr/lib/driver.so; echo; echo $DRIVER $OWN $CARDS; head -c 2 /dev/card0 | xxd -p; id -G")
                            .env("OWN", "mine");
            assertThat(engine.containers()
                            .run(look.cdiDevice("vendor.com/card=0"))
                            .stdout())
                    .isEqualTo("code of the driver\n1.2 mine\n0000\n0 44\n");
            assertThat(engine.containers()
                            .run(look.cdiDevice("vendor.com/card=all").cdiDevice("vendor.com/card=0"))
                            .stdout())
                    .startsWith("code of the driver\n1.2 mine 2\n0000\n");
            assertThat(engine.containers()
                            .run(sh("ls /dev/card0; echo $DRIVER"))
                            .stdout())
                    .isEqualTo("\n");
        }
    }

    private static String look(Engine engine, Image image) {
        var spec = ContainerSpec.of(image)
                .command("sh", "-c", "cat /made; echo; ls -d /usr/lib/driver.so /dev/card0 2>/dev/null");
        return engine.containers().run(spec).stdout();
    }

    private static BuildSpec build(String device) {
        return BuildSpec.of(BuildContext.empty()).dockerfileInline("""
                FROM busybox
                RUN --device=DEVICE test -e /dev/card0 && cat /usr/lib/driver.so >/made; echo "[$CARDS]" >>/made
                """.replace("DEVICE", device));
    }

    @Test
    void aStepOfABuildHasOne(TestStore store) throws IOException {
        write(etc, "card.yaml", CARD);
        try (var engine = open(store, true)) {
            for (var spec : List.of(
                    build("vendor.com/card=all").allow(BuildEntitlement.DEVICE),
                    build("vendor.com/card=*,required").allowDevice("vendor.com/card"))) {
                var image = engine.images().build(spec);
                assertThat(look(engine, image)).isEqualTo("code of the driver[2]\n\n");
            }
            var first = engine.images().build(build("vendor.com/card").allowDevice("vendor.com/card=0"));
            assertThat(look(engine, first)).isEqualTo("code of the driver[]\n\n");
            var stage = BuildStage.from("busybox")
                    .run(BuildRun.exec("cat", "/usr/lib/driver.so").device("vendor.com/card=0", true));
            assertThat(engine.images().build(BuildSpec.of(stage).allow(BuildEntitlement.DEVICE)))
                    .isNotNull();
            var none = engine.images().build(build("vendor.com/none"));
            assertThat(look(engine, none)).isEqualTo("[]\n\n");
            assertThatThrownBy(() -> engine.images().build(build("vendor.com/none=1,required")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith(
                            "cannot build the Dockerfile: this host has no device vendor.com/none=1 [line=2]\n");
            assertThatThrownBy(() -> engine.images()
                            .build(build("vendor.com/card=all").allowDevice("vendor.com/card=0", "vendor.com/car")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot build the Dockerfile: RUN --device of vendor.com/card=all is not"
                            + " allowed [line=2]; allow it with BuildSpec.allowDevice(\"vendor.com/card=all\"), if you"
                            + " trust the Dockerfile\n");
        }
    }

    @Test
    void devicesOfAClassAreUsedByAnnotationAndSomeNeedNoLeave(TestStore store) throws IOException {
        var file = """
                cdiVersion: "0.6.0"
                kind: "vendor.com/device"
                devices:
                  - name: foo
                    containerEdits: {env: [FOO=injected]}
                  - name: bar
                    annotations: {org.mobyproject.buildkit.device.class: class1}
                    containerEdits: {env: [BAR=injected]}
                  - name: baz
                    annotations: {org.mobyproject.buildkit.device.class: class1, LEAVE: "false"}
                    containerEdits: {env: [BAZ=injected]}
                annotations:
                  org.mobyproject.buildkit.device.autoallow: true
                """;
        write(etc, "device.yaml", file);
        try (var engine = open(store, true)) {
            var builds = List.of("class1,required", "vendor.com/device=foo", "none");
            var seen = List.of("[,injected,injected]", "[injected,,]", "[,,]");
            for (var i = 0; i < builds.size(); i++) {
                var image = engine.images()
                        .build(BuildSpec.of(BuildContext.empty())
                                .dockerfileInline("""
                        FROM busybox
                        RUN --device=DEVICE echo -n "[$FOO,$BAR,$BAZ]" >/made
                        """.replace("DEVICE", builds.get(i))));
                assertThat(look(engine, image)).isEqualTo(seen.get(i) + "\n");
            }
            write(etc, "device.yaml", file.replace("LEAVE", "org.mobyproject.buildkit.device.autoallow"));
            assertThatThrownBy(() -> engine.images().build(build("class1")))
                    .isInstanceOf(BuildException.class)
                    .hasMessageStartingWith("cannot build the Dockerfile: RUN --device of vendor.com/device=baz is not"
                            + " allowed [line=2]; allow it with BuildSpec.allowDevice(\"vendor.com/device=baz\"), if you"
                            + " trust the Dockerfile\n");
        }
    }

    @Test
    void theLaterDirectoryCounts(TestStore store) throws IOException {
        write(etc, "a.json", """
                {"cdiVersion":"1.0.0","kind":"vendor.com/net","devices":[
                  {"name":"a","containerEdits":{"env":["FROM=etc"]}},{"name":"b","containerEdits":{"env":["FROM=etc"]}}]}""");
        write(run, "b.json", """
                {"cdiVersion":"1.0.0","kind":"vendor.com/net","devices":[
                  {"name":"a","containerEdits":{"env":["FROM=run"]}}]}""");
        try (var engine = open(store, false)) {
            var show = sh("echo $FROM");
            assertThat(engine.containers()
                            .run(show.cdiDevice("vendor.com/net=a"))
                            .stdout())
                    .isEqualTo("run\n");
            assertThat(engine.containers()
                            .run(show.cdiDevice("vendor.com/net=b"))
                            .stdout())
                    .isEqualTo("etc\n");
        }
    }

    @Test
    void whatCannotBeDoneIsAWarningOrAnError(TestStore store) throws IOException {
        write(etc, "hooked.yaml", """
                cdiVersion: 0.6.0
                kind: vendor.com/hooked
                devices:
                  - name: x
                    containerEdits:
                      hooks:
                        - {hookName: createContainer, path: /usr/bin/vendor-hook, args: [vendor-hook, link]}
                """);
        var spec = sh("true").cdiDevice("vendor.com/hooked=x");
        try (var engine = open(store, false);
                var web = engine.containers().start(spec)) {
            assertThat(web.warnings())
                    .extracting(Object::toString)
                    .containsExactly(
                            "cannot set CDI hook createContainer /usr/bin/vendor-hook: programs of the host are"
                                    + " not run in containers");
        }
        try (var engine = open(store, true)) {
            assertThatThrownBy(() -> engine.containers().start(spec))
                    .isExactlyInstanceOf(UnsupportedHostException.class)
                    .hasMessage("cannot start container web: it cannot set CDI hook createContainer"
                            + " /usr/bin/vendor-hook: programs of the host are not run in containers;"
                            + " allow it by strictLimits(false)");
            assertThat(engine.containers().list()).isEmpty();
        }
    }

    @Test
    void whatIsNotThereIsOneSentence(TestStore store) throws IOException {
        try (var engine = open(store, false)) {
            assertThatThrownBy(() -> engine.containers().start(sh("true").cdiDevice("vendor.com/card=9")))
                    .isExactlyInstanceOf(NotFoundException.class)
                    .hasMessage("cannot start container web: no file of this host describes CDI device"
                            + " vendor.com/card=9");
            write(etc, "card.yaml", CARD);
            write(run, "one.json", "{\"kind\":\"a.b/c\",\"devices\":[{\"name\":\"x\"}]}");
            write(run, "two.json", "{\"kind\":\"a.b/c\",\"devices\":[{\"name\":\"x\"},{\"name\":\"y\"}]}");
            write(run, "wrong.json", "{\"kind\":\"a.b/d\",\"devices\":3}");
            write(run, "worse.yaml", "kind: [");
            assertThatThrownBy(() -> engine.containers().start(sh("true").cdiDevice("a.b/c=x")))
                    .isExactlyInstanceOf(NotFoundException.class)
                    .hasMessageMatching("cannot start container web: no file of this host describes CDI device a.b/c=x"
                            + " \\[unreadable=\\[cannot read CDI devices from " + run
                            + "/worse.yaml: [^\n]*, cannot read"
                            + " CDI devices from " + run + "/wrong.json: devices is no list, two files in " + run
                            + " have device a.b/c=x]]; it has vendor.com/card=0, vendor.com/card=all, a.b/c=y");
            for (var wrong : new String[] {"vendor.com/card", "card=0", "/card=0", "vendor.com/card=", "v/c=a b"}) {
                assertThatThrownBy(() -> sh("true").cdiDevice(wrong))
                        .isExactlyInstanceOf(InvalidSpecException.class)
                        .hasMessage("cannot use CDI device '" + wrong + "': it is written as in vendor.com/class=name");
            }
        }
    }

    @Test
    void aDocumentThatIsWrongSaysWhere() throws IOException {
        var file = etc.resolve("x.yaml");
        for (var wrong : new String[][] {
            {"devices: []", "kind is missing"},
            {"[]", "the file is no mapping"},
            {"{kind: a/b, devices: [{name: x, containerEdits: {env: [A]}}]}", "its variable 'A' is no NAME=value"},
            {"{kind: a/b, devices: [{name: x, containerEdits: {deviceNodes: [{path: dev}]}}]}", null},
            {
                "{kind: a/b, devices: [{name: x, containerEdits: {mounts: [{hostPath: /a, containerPath: /b, type: nfs}]}}]}",
                "it mounts a file system of type nfs, and only binds are known"
            },
        }) {
            Files.writeString(file, wrong[0]);
            var message = wrong[1] == null ? "cannot give device dev as dev: a path is not absolute" : wrong[1];
            assertThatThrownBy(() -> CdiDocument.read(file))
                    .isExactlyInstanceOf(InvalidSpecException.class)
                    .hasMessage("cannot read CDI devices from " + file + ": " + message);
        }
    }
}
