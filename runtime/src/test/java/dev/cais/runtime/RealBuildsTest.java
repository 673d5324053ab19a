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
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.opentest4j.TestAbortedException;

/** Programs built as people build them: on Debian, with its packages, and with those of npm and Maven, once from the net and once without. */
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
    @Timeout(600)
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

    @Test
    @RequiresProgram("jlink")
    void aProjectOfMavenIsBuiltFromTheNetAndThenFromACacheMount(@TempDir Path host) throws IOException {
        var own = Path.of(System.getenv().getOrDefault("MAVEN_USER_HOME", System.getProperty("user.home") + "/.m2"));
        var maven = mavenOfTheWrapper(own);
        var settings = mavenSettings(own.resolve("settings.xml"));
        var modules = "java.desktop,java.management,java.naming,java.sql,jdk.compiler,jdk.crypto.ec,jdk.zipfs";
        var jdk = host.resolve("jdk").toString();
        Programs.output("jlink", "--add-modules", modules, "--strip-debug", "--output", jdk);
        builds.write("pom.xml", """
                <project>
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>app</groupId><artifactId>app</artifactId><version>1</version>
                  <properties>
                    <maven.compiler.release>17</maven.compiler.release>
                    <maven.test.skip>true</maven.test.skip>
                    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
                  </properties>
                  <build>
                    <finalName>app</finalName>
                    <plugins>
                      <plugin>
                        <artifactId>maven-jar-plugin</artifactId>
                        <version>3.5.1</version>
                        <configuration><archive><manifest><mainClass>Hello</mainClass></manifest></archive></configuration>
                      </plugin>
                    </plugins>
                  </build>
                </project>
                """);
        var dockerfile = """
                FROM debian AS java
                COPY --from=host jdk /opt/jdk
                ENV JAVA_HOME=/opt/jdk
                FROM java AS build
                WORKDIR /src
                COPY pom.xml .
                COPY src src
                RUN --network=NET --mount=from=maven,target=/maven --mount=type=cache,target=/root/.m2 \\
                    --mount=type=secret,id=settings,target=/root/settings.xml \\
                    --mount=type=secret,id=trust,target=/root/trust \\
                    MAVEN_OPTS="-Djavax.net.ssl.trustStore=/root/trust -XX:TieredStopAtLevel=1" \\
                    /maven/bin/mvn WHENCE -B -ntp -s /root/settings.xml package
                FROM java
                COPY --from=build /src/target/app.jar /
                CMD ["/opt/jdk/bin/java", "-jar", "/app.jar"]
                """;
        var online = dockerfile.replace("NET", "host").replace("WHENCE", "");
        var offline = dockerfile.replace("NET", "none").replace("WHENCE", "-o");
        writeHello("hello of Maven");
        var image = build(maven(online, maven, host, settings));
        writeHello("hello offline");
        var again = build(maven(offline, maven, host, settings));

        assertThat(builds.run(image)).isEqualTo("hello of Maven\n");
        assertThat(builds.run(again)).isEqualTo("hello offline\n");
    }

    private void writeHello(String text) {
        builds.write("src/main/java/Hello.java", """
                class Hello {
                    public static void main(String[] words) {
                        System.out.println("%s");
                    }
                }
                """.formatted(text));
    }

    private BuildSpec maven(String dockerfile, Path maven, Path host, String settings) {
        var trust = Path.of(System.getProperty("java.home"), "lib", "security", "cacerts");
        return builds.spec(dockerfile)
                .context("maven", maven)
                .context("host", host)
                .secret("settings", BuildSecret.of(settings))
                .secret("trust", BuildSecret.ofFile(trust));
    }

    /** Where {@code mvnw} put the Maven that builds this project. */
    private static Path mavenOfTheWrapper(Path own) throws IOException {
        var all = own.resolve("wrapper/dists");
        if (Files.isDirectory(all)) {
            try (var homes = Files.find(all, 2, (home, attributes) -> Files.exists(home.resolve("bin/mvn")))) {
                var last = homes.max(Comparator.naturalOrder());
                if (last.isPresent()) {
                    return last.get();
                }
            }
        }
        throw new TestAbortedException("needs a distribution of Maven, and there is none below " + all + ".");
    }

    /** This user's, with the proxy of the tests: Maven asks no variable and no system property for one. */
    private static String mavenSettings(Path file) throws IOException {
        var settings = Files.exists(file) ? Files.readString(file) : "<settings></settings>";
        var plain = settings.replaceAll("(?s)<!--.*?-->|<(proxies|localRepository)>.*?</\\1>", "");
        var mirror = Pattern.compile("(?s)<mirror>.*?<url>\\s*(.*?)\\s*</url>").matcher(plain);
        proxy.requireReachable(URI.create(mirror.find() ? mirror.group(1) : "https://repo.maven.apache.org"));
        var address = URI.create(proxy.address());
        var hop = "<host>" + address.getHost() + "</host><port>" + address.getPort() + "</port>";
        return plain.replace("</settings>", "<proxies><proxy>" + hop + "</proxy></proxies></settings>");
    }
}
