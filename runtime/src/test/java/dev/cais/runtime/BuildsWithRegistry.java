package dev.cais.runtime;

import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestRegistry;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What tests of builds that others read begin with: a registry, an engine with busybox, and a new context for each test. */
@RequiresRoot
@LeakChecked
@RequiresProgram({"skopeo", "docker-registry"})
@Timeout(180)
abstract class BuildsWithRegistry {
    TestRegistry registry;
    Engine engine;
    TestBuilds builds;

    @TempDir
    Path context;

    @BeforeEach
    final void open(Engine opened, @TempDir Path directory) {
        registry = TestRegistry.plain(directory);
        engine = opened;
        builds = TestBuilds.of(engine, context);
    }

    @AfterEach
    final void close() {
        registry.close();
    }

    /** Of the context, with this Dockerfile, the same whenever it is built. */
    final BuildSpec reproducible(String dockerfile) {
        return builds.spec(dockerfile).arg("SOURCE_DATE_EPOCH", "1700000000");
    }

    /** A name in the registry. */
    final String at(String name) {
        return registry.address() + "/" + name;
    }
}
