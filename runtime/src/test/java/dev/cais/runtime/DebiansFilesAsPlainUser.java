package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import dev.cais.Engine;
import dev.cais.Image;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestImages;
import dev.cais.fixtures.TestStore;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What tests of Debian's files in the hands of a plain user begin with: an engine of the user's, with Debian and its redis. */
@LeakChecked
@Timeout(200)
abstract class DebiansFilesAsPlainUser {
    /** A package with a user of its own. */
    static final String REDIS = "redis-server";

    static Engine engine;
    static Image debian;

    @TempDir
    Path directory;

    @BeforeAll
    static void open(TestStore store) {
        engine = store.openEngine();
        debian = engine.images().importRootfs(TestImages.debianWith(REDIS), "debian");
    }

    @AfterAll
    static void close() {
        engine.close();
    }

    /** What a script in it writes. */
    static String run(Image image, String script) {
        var result = engine.containers().run(ContainerSpec.of(image).command("sh", "-c", script));
        assertThat(result.stderr()).isEmpty();
        return result.stdout();
    }
}
