package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildEntitlement;
import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.OutsideProxy;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Programs built as people build them: on Debian, with its packages, and with those of npm, once from the net and once without. */
@RequiresRoot
@LeakChecked
@RequiresProgram("mmdebstrap")
@Timeout(400)
class RealBuildsTest {
    private static final String CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
    private static final String APT = """
            RUN --network=host --mount=type=cache,target=/var/cache/apt,sharing=locked \\
                --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \\
                { [ -e /var/lib/apt/lists/lock ] || apt-get update -q; } && \\
                apt-get install -yq --no-install-recommends -o Acquire::http::Pipeline-Depth=0""";

    private static Engine engine;
    private static OutsideProxy proxy;

    @TempDir
    private Path context;

    private TestBuilds builds;

    @BeforeAll
    static void open(TestStore store) {
        engine = store.openEngine();
        engine.images().importRootfs(TestImages.debianWith("ca-certificates"), "debian");
        proxy = OutsideProxy.start();
    }

    @AfterAll
    static void close() {
        proxy.close();
        engine.close();
    }

    @BeforeEach
    void begin() {
        builds = TestBuilds.of(engine, context);
    }

    private Image build(BuildSpec spec) {
        return builds.build(spec.allow(BuildEntitlement.NETWORK_HOST)
                .arg("http_proxy", proxy.address())
                .arg("https_proxy", proxy.address())
                .arg("DEBIAN_FRONTEND", "noninteractive"));
    }

    @Test
    void aProgramInCIsBuiltByAptsCompilerAndStandsAlone() {
        builds.write("hello.c", "#include <stdio.h>\nint main(void) { puts(\"hello of C\"); return 0; }\n");
        var spec = builds.spec("FROM debian AS build\nARG DEBIAN_FRONTEND\n" + APT + " gcc libc6-dev\n" + """
                COPY hello.c /src/
                RUN --network=none gcc -Os -static -s -o /hello /src/hello.c
                FROM scratch
                COPY --from=build /hello /hello
                ENTRYPOINT ["/hello"]
                """);
        var image = build(spec);

        assertThat(builds.run(image)).isEqualTo("hello of C\n");
        assertThat(image.layers()).hasSize(1);
        assertThat(image.size().bytes()).isLessThan(2_000_000);
        builds.carriedOut();
        builds.write("hello.c", "#include <stdio.h>\nint main(void) { puts(\"changed\"); return 0; }\n");
        assertThat(builds.run(build(spec))).isEqualTo("changed\n");
        assertThat(builds.carriedOut()).hasSize(3); // apt's step is known
    }

    @Test
    void anAppInPythonIsPackedAndRunsAsAUser() {
        builds.write(
                "app/main.py",
                "import json, sys\ndef main():\n    print(json.dumps({'python': sys.version_info[0]}))\n");
        var image = build(builds.spec("FROM debian AS base\nARG DEBIAN_FRONTEND\n" + APT + " python3\n" + """
                FROM base AS build
                COPY app /src
                RUN python3 -m zipapp /src -o /app.pyz -m main:main
                FROM base
                COPY --from=build --chmod=644 /app.pyz /opt/
                USER nobody
                CMD ["python3", "/opt/app.pyz"]
                """));

        assertThat(builds.run(image)).isEqualTo("{\"python\": 3}\n");
    }

    @Test
    @RequiresProgram({"node", "npm"})
    void anAppForNodeIsInstalledFromTheNetAndThenFromACacheMount(@TempDir Path host) throws IOException {
        var registry = Programs.output("sh", "-c", "npm config get registry 2>/dev/null")
                .strip();
        proxy.requireReachable(URI.create(registry));
        Programs.output(
                "sh",
                "-c",
                "cp -L \"$(command -v node)\" \"$1\" && cp -rL \"$(npm root -g 2>/dev/null)/npm\" \"$1\"",
                "sh",
                host.toString());
        builds.write("package.json", """
                {"name":"app","version":"1.0.0","dependencies":{"is-number":"7.0.0"}}
                """);
        builds.write("index.js", "console.log(require('is-number')('7'));\n");
        var dockerfile = """
                FROM debian
                COPY --from=host node /usr/local/bin/
                ARG REGISTRY
                WORKDIR /app
                COPY package.json .
                RUN --network=NET --mount=from=host,target=/host --mount=type=cache,target=/root/.npm \\
                    --mount=type=secret,id=certificates,target=/certificates.pem \\
                    NODE_EXTRA_CA_CERTS=/certificates.pem node /host/npm/bin/npm-cli.js install WHENCE \\
                    --no-audit --no-fund --no-update-notifier --registry=$REGISTRY
                COPY index.js .
                CMD ["node", "index.js"]
                """;
        var image = build(node(dockerfile.replace("NET", "host").replace("WHENCE", ""), registry, host));
        var again = build(node(dockerfile.replace("NET", "none").replace("WHENCE", "--offline"), registry, host));

        assertThat(builds.run(image)).isEqualTo("true\n");
        assertThat(builds.run(again)).isEqualTo("true\n");
    }

    private BuildSpec node(String dockerfile, String registry, Path host) {
        return builds.spec(dockerfile)
                .arg("REGISTRY", registry)
                .context("host", host)
                .secret("certificates", BuildSecret.ofFile(Path.of(CERTIFICATES)));
    }
}
