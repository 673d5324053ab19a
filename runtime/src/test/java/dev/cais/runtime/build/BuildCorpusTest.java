package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.BuildSpec;
import dev.cais.Engine;
import dev.cais.EngineException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A corpus of Dockerfiles: what Cais makes of each is what BuildKit made of it. See {@link BuildCase} for how they are written, and
 * {@link RecordBuilds} for where the outcomes come from.
 */
@RequiresRoot
@RequiresProgram("tar")
@LeakChecked
@Timeout(240)
class BuildCorpusTest {
    private static final Path CASES = Path.of("src/test/resources/builds").toAbsolutePath();
    static final String CAIS = "Cais";

    private static Engine engine;

    @TempDir
    private Path directory;

    @BeforeAll
    static void open(Engine opened) {
        engine = opened;
    }

    @TestFactory
    Stream<DynamicTest> imagesAreThoseOfBuildKit() {
        return BuildCase.all(CASES).stream()
                .map(each -> DynamicTest.dynamicTest(each.name(), () -> assertOutcome(each)));
    }

    private void assertOutcome(BuildCase each) throws IOException {
        var found = each.difference(outcome(each));

        assertThat(String.join("\n", found))
                .isEqualTo(String.join("\n", each.outcomes().getOrDefault(CAIS, List.of())));
    }

    private List<String> outcome(BuildCase each) throws IOException {
        var context = Files.createDirectory(directory.resolve(each.name()));
        each.lay(context);
        var spec = each.spec(context);
        for (var first : each.option("first")) {
            var words = first.split(" ");
            engine.images().build(BuildSpec.of(context).dockerfile(words[0]).tag(words[1]));
        }
        try {
            var image = engine.images().build(spec, event -> {});
            var archive = directory.resolve(each.name() + ".tar");
            engine.images().save(archive, image.id().toString());
            return ImageContents.of(archive, TestImages.busyboxArchive());
        } catch (EngineException e) {
            var lines = new ArrayList<String>();
            e.toString().replace(context.toString(), "CONTEXT").lines().forEach(line -> lines.add("! " + line));
            return lines;
        }
    }
}
