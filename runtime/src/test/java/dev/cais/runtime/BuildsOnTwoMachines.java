package dev.cais.runtime;

import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What tests of shared caches begin with: two engines with busybox, each on a store of its own as on another machine, and one context. */
@RequiresRoot
@LeakChecked
@Timeout(120)
abstract class BuildsOnTwoMachines {
    @TempDir
    Path temporary;

    TestBuilds here;
    TestBuilds there;

    @BeforeEach
    final void openBoth(TestStore store) {
        here = builds(store, "here");
        there = builds(store, "there");
    }

    private TestBuilds builds(TestStore store, String machine) {
        var engine = new TestStore(store.path().resolve(machine)).openEngineWithBusybox();
        return TestBuilds.of(engine, temporary.resolve("context"));
    }

    @AfterEach
    final void closeBoth() {
        here.engine().close();
        there.engine().close();
    }
}
