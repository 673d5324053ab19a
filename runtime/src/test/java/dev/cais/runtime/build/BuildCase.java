package dev.cais.runtime.build;

import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.fixtures.Programs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * One case of the corpus: a context, how it is built, and what comes of it. A case is a text file:
 *
 * <pre>
 * What it shows.
 * %arg NAME=value           also: %target STAGE, %label KEY=value, %secret ID=text, %context NAME=directory,
 *                           %first DOCKERFILE TAG (is built before, as a base), %file DOCKERFILE
 * %buildah Why its outcome is another.
 * --- Dockerfile
 * its text
 * --- directory/ 0700
 * --- directory/file 0644
 * its text
 * --- directory/link -> target
 * --- archive.tar.gz of directory
 * === BuildKit of Docker 28.5.2
 * a line for each thing that can be told of the image
 * === buildah 1.43.2
 * - a line that is not there in its image
 * + a line that is there instead
 * </pre>
 *
 * The first outcome is the one that Cais's image must have; a last one, of Cais, says where it has not, on purpose. Files are root's
 * and of one time long ago.
 */
record BuildCase(String name, List<String> options, List<Entry> files, Map<String, List<String>> outcomes) {
    /** The time of each file, in seconds. */
    static final long TIME = 981_173_106;

    private static final String FILE = "--- ";
    private static final String OUTCOME = "=== ";

    /** @param attributes what stands behind its name */
    record Entry(String path, List<String> attributes, String content) {}

    static BuildCase read(Path file) {
        try {
            var options = new ArrayList<String>();
            var files = new ArrayList<Entry>();
            var outcomes = new LinkedHashMap<String, List<String>>();
            var target = options;
            var content = new ArrayList<String>();
            var header = "";
            for (var line : (Files.readString(file) + FILE).split("\n", -1)) {
                if (!line.startsWith(FILE) && !line.startsWith(OUTCOME)) {
                    (header.isEmpty() ? target : content).add(line);
                    continue;
                }
                if (!header.isEmpty()) {
                    files.add(entry(header, content));
                    content.clear();
                }
                header = line.startsWith(FILE) ? line.substring(FILE.length()) : "";
                if (line.startsWith(OUTCOME)) {
                    target = new ArrayList<>();
                    outcomes.put(line.substring(OUTCOME.length()), target);
                }
            }
            var name = file.getFileName().toString().replace(".case", "");
            return new BuildCase(name, options, files, outcomes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Entry entry(String header, List<String> lines) {
        var words = Arrays.asList(header.split(" "));
        var content = lines.isEmpty() ? "" : String.join("\n", lines) + "\n";
        return new Entry(words.get(0).replace("%20", " "), words.subList(1, words.size()), content);
    }

    /** All cases, by name. */
    static List<BuildCase> all(Path directory) {
        try (var found = Files.list(directory)) {
            return found.filter(file -> file.toString().endsWith(".case"))
                    .map(BuildCase::read)
                    .sorted(Comparator.comparing(BuildCase::name))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same with other outcomes. */
    void write(Path file, Map<String, List<String>> changed) {
        var text = new StringBuilder();
        options.forEach(line -> text.append(line).append('\n'));
        for (var entry : files) {
            text.append(FILE).append(entry.path().replace(" ", "%20"));
            entry.attributes().forEach(word -> text.append(' ').append(word));
            text.append('\n').append(entry.content());
        }
        changed.forEach((who, lines) -> {
            text.append(OUTCOME).append(who).append('\n');
            lines.forEach(line -> text.append(line).append('\n'));
        });
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How Cais's image differs from what it must be; each builder but BuildKit tells its history in its own way. */
    List<String> difference(List<String> actual) {
        var measure = outcomes.entrySet().iterator().next();
        return measure.getKey().startsWith("BuildKit")
                ? Outcomes.difference(measure.getValue(), actual)
                : Outcomes.difference(Outcomes.plain(measure.getValue()), Outcomes.plain(actual));
    }

    /** What stands behind a word such as {@code %arg}, for each line that begins with it. */
    List<String> option(String word) {
        return options.stream()
                .filter(line -> line.startsWith("%" + word + " "))
                .map(line -> line.substring(word.length() + 2))
                .toList();
    }

    /** Writes the context. */
    void lay(Path context) {
        try {
            for (var entry : files) {
                lay(context, entry);
            }
            try (var all = Files.walk(context)) {
                for (var path : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.getFileAttributeView(path, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                            .setTimes(FileTime.fromMillis(TIME * 1000), null, null);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void lay(Path context, Entry entry) throws IOException {
        var path = context.resolve(entry.path());
        var words = entry.attributes();
        var kind = words.isEmpty() ? "" : words.get(0);
        if (entry.path().endsWith("/")) {
            Files.createDirectories(path);
        } else {
            Files.createDirectories(path.getParent());
            switch (kind) {
                case "->" -> Files.createSymbolicLink(path, Path.of(words.get(1)));
                case "of" -> archive(path, context.resolve(words.get(1)));
                case "same" -> Files.createLink(path, context.resolve(words.get(1)));
                default -> Files.write(path, entry.content().getBytes(StandardCharsets.UTF_8));
            }
        }
        if (kind.matches("[0-7]+")) {
            Programs.output("chmod", kind, path.toString());
        }
    }

    /** Owned by a user of no name, so that it is seen who unpacks keeps that. */
    private static void archive(Path file, Path directory) {
        Programs.output(
                "tar",
                "--sort=name",
                "--owner=5",
                "--group=6",
                "--numeric-owner",
                "--mtime=@" + TIME,
                "-C",
                directory.toString(),
                "-caf",
                file.toString(),
                ".");
    }

    /** How Cais builds it. */
    BuildSpec spec(Path context) {
        var spec = BuildSpec.of(context);
        for (var pair : pairs("arg")) {
            spec = spec.arg(pair[0], pair[1]);
        }
        for (var pair : pairs("label")) {
            spec = spec.label(pair[0], pair[1]);
        }
        for (var pair : pairs("secret")) {
            spec = spec.secret(pair[0], BuildSecret.of(pair[1]));
        }
        for (var pair : pairs("context")) {
            spec = spec.context(pair[0], context.resolve(pair[1]));
        }
        for (var stage : option("target")) {
            spec = spec.target(stage);
        }
        for (var file : option("file")) {
            spec = spec.dockerfile(file);
        }
        return spec;
    }

    private List<String[]> pairs(String word) {
        return option(word).stream().map(pair -> pair.split("=", 2)).toList();
    }

    /** The same as arguments of {@code docker buildx build} and {@code buildah build}, for a shell. */
    String arguments(String context) {
        var words = new ArrayList<String>();
        option("arg").forEach(pair -> words.add("--build-arg=" + pair));
        option("label").forEach(pair -> words.add("--label=" + pair));
        option("target").forEach(stage -> words.add("--target=" + stage));
        option("file").forEach(file -> words.add("--file=" + context + "/" + file));
        for (var pair : pairs("context")) {
            words.add("--build-context=" + pair[0] + "=" + context + "/" + pair[1]);
        }
        for (var pair : pairs("secret")) {
            words.add("--secret=id=" + pair[0] + ",src=" + context + "." + pair[0]);
        }
        return words.stream()
                .map(word -> "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
    }
}
