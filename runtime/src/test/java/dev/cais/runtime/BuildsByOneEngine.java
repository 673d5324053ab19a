package dev.cais.runtime;

import dev.cais.Engine;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What tests of builds begin with: an engine with busybox for the whole class, and a new context for each test. */
@RequiresRoot
@LeakChecked
@Timeout(120)
abstract class BuildsByOneEngine {
    static TestStore store;
    static Engine engine;

    @TempDir
    Path context;

    TestBuilds builds;

    @BeforeAll
    static void openOne(TestStore place, Engine opened) {
        store = place;
        engine = opened;
    }

    @BeforeEach
    final void beginBuilds() {
        builds = TestBuilds.of(engine, context);
    }
}
