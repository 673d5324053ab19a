package dev.cais.runtime.build;

import dev.cais.fixtures.TestImages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Records what other builders make of the corpus. {@code record-builds.sh} has it lay the contexts, builds each by each builder, and
 * has it write what came of that into the cases.
 */
public final class RecordBuilds {
    /** The first that knows all that a case needs is its measure. */
    private static final List<String> BUILDERS = List.of("buildkit", "buildah", "classic");

    private final Path cases;
    private final Path place;

    private RecordBuilds(Path cases, Path place) {
        this.cases = cases;
        this.place = place;
    }

    /** @param arguments {@code lay} or {@code take}, the directory of the cases, and one for contexts and images */
    public static void main(String[] arguments) throws IOException {
        var record = new RecordBuilds(Path.of(arguments[1]), Path.of(arguments[2]));
        if (arguments[0].equals("lay")) {
            record.lay();
        } else {
            record.take();
        }
    }

    private void lay() throws IOException {
        Files.copy(TestImages.busyboxArchive(), place.resolve("busybox.tar"));
        for (var each : BuildCase.all(cases)) {
            var context = Files.createDirectories(place.resolve(each.name()));
            each.lay(context);
            Files.writeString(place.resolve(each.name() + ".arguments"), each.arguments(each.name()));
            Files.writeString(place.resolve(each.name() + ".first"), String.join("\n", each.option("first")) + "\n");
            for (var secret : each.option("secret")) {
                var pair = secret.split("=", 2);
                Files.writeString(place.resolve(each.name() + "." + pair[0]), pair[1]);
            }
        }
    }

    private void take() throws IOException {
        for (var each : BuildCase.all(cases)) {
            if (BUILDERS.stream().allMatch(builder -> isRecorded(each, builder))) {
                take(each);
            }
        }
    }

    private boolean isRecorded(BuildCase each, String builder) {
        return Files.exists(archive(each, builder)) || Files.exists(failure(each, builder));
    }

    private Path archive(BuildCase each, String builder) {
        return place.resolve(builder).resolve(each.name() + ".tar");
    }

    private Path failure(BuildCase each, String builder) {
        return place.resolve(builder).resolve(each.name() + ".error");
    }

    /** Outcomes of Cais stay. */
    private void take(BuildCase each) throws IOException {
        var changed = new LinkedHashMap<String, List<String>>();
        for (var builder : BUILDERS) {
            var known = outcome(each, builder);
            if (changed.isEmpty() && known.stream().noneMatch(line -> line.contains("unknown flag"))) {
                changed.put(version(builder), builder.equals("buildkit") ? known : Outcomes.plain(known));
            }
        }
        var measure = changed.values().iterator().next();
        for (var builder : BUILDERS) {
            if (!changed.containsKey(version(builder))) {
                var difference = Outcomes.difference(Outcomes.plain(measure), Outcomes.plain(outcome(each, builder)));
                if (!difference.isEmpty()) {
                    changed.put(version(builder), difference);
                }
            }
        }
        each.outcomes().forEach((who, lines) -> {
            if (who.equals(BuildCorpusTest.CAIS)) {
                changed.put(who, lines);
            }
        });
        each.write(cases.resolve(each.name() + ".case"), changed);
    }

    private String version(String builder) throws IOException {
        return Files.readString(place.resolve(builder).resolve("version")).strip();
    }

    private List<String> outcome(BuildCase each, String builder) throws IOException {
        var archive = archive(each, builder);
        return Files.exists(archive)
                ? ImageContents.of(archive, place.resolve("busybox.tar"))
                : Files.readAllLines(failure(each, builder));
    }
}
