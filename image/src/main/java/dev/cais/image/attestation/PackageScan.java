package dev.cais.image.attestation;

import dev.cais.BuildException;
import dev.cais.linux.Fd;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeScan;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Finds the packages of an image in what dpkg, apk and jar leave in its files: {@code /var/lib/dpkg/status} and {@code status.d}, {@code
 * lib/apk/db/installed}, and archives of Java, those within archives included.
 */
public final class PackageScan {
    private static final int MOST_PACKAGES = 200_000;
    private static final int MOST_FILES = 100_000;
    private static final Pattern ARCHIVE = Pattern.compile(".*\\.[jwe]ar", Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
    private static final String STATUS_DIRECTORY = "var/lib/dpkg/status.d";

    private final ImageFiles files;
    private final SortedSet<SoftwarePackage> found = new TreeSet<>();

    private final Predicate<String> hidden;

    private PackageScan(Fd root, Predicate<String> hidden) {
        this.files = new ImageFiles(root);
        this.hidden = hidden;
    }

    /**
     * @param root of the image, not closed
     * @param hidden paths of archives that are not looked into
     * @throws BuildException if there are more than 200 000 packages, or more than 100 000 archives
     * @throws dev.cais.StorageException if a file cannot be read
     */
    static List<SoftwarePackage> packages(Fd root, Predicate<String> hidden) {
        var scan = new PackageScan(root, hidden);
        scan.debian();
        scan.alpine();
        scan.java();
        return List.copyOf(scan.found);
    }

    private void add(SoftwarePackage one) {
        found.add(one);
        if (found.size() > MOST_PACKAGES) {
            throw new BuildException("cannot list the packages of the image: it has more than " + MOST_PACKAGES);
        }
    }

    private Map<String, String> release() {
        var release = new HashMap<String, String>();
        files.read("etc/os-release", line -> {
            var equals = line.indexOf('=');
            if (equals > 0) {
                release.putIfAbsent(
                        line.substring(0, equals),
                        line.substring(equals + 1).strip().replaceAll("^[\"']|[\"']$", ""));
            }
        });
        return release;
    }

    // dpkg

    private void debian() {
        var release = release();
        var namespace = release.getOrDefault("ID", "debian");
        var distribution = release.containsKey("VERSION_ID") ? namespace + "-" + release.get("VERSION_ID") : "";
        paragraphs("var/lib/dpkg/status", ": ", (fields, path) -> debian(fields, path, namespace, distribution));
        var scan = new TreeScan(files.root(), "the image");
        var wanted = new Choice(Pattern.compile(".*(?<!\\.md5sums)", Pattern.DOTALL), false);
        for (var file : scan.in(InRoot.path(STATUS_DIRECTORY), wanted)) {
            if (file.isFile()) {
                // without a line on their state: they are there
                paragraphs(file.name(), ": ", (fields, path) -> {
                    fields.putIfAbsent("Status", "install ok installed");
                    debian(fields, path, namespace, distribution);
                });
            }
        }
    }

    private void debian(Map<String, String> fields, String path, String namespace, String distribution) {
        var installed = fields.getOrDefault("Status", "").endsWith(" installed");
        if (!installed || !fields.containsKey("Package")) {
            return;
        }
        var qualifiers = new HashMap<String, String>();
        put(qualifiers, "arch", fields.get("Architecture"));
        put(qualifiers, "distro", distribution);
        put(qualifiers, "upstream", upstream(fields.getOrDefault("Source", "")));
        add(new SoftwarePackage(
                "deb",
                namespace,
                fields.getOrDefault("Package", ""),
                fields.getOrDefault("Version", ""),
                qualifiers,
                fields.getOrDefault("Maintainer", ""),
                path));
    }

    /** {@code glibc (2.41)} as {@code glibc@2.41}. */
    private static String upstream(String source) {
        return source.replaceFirst(" \\((.*)\\)$", "@$1");
    }

    private static void put(Map<String, String> qualifiers, String key, @Nullable String value) {
        if (value != null && !value.isEmpty()) {
            qualifiers.put(key, value);
        }
    }

    // apk

    private void alpine() {
        var release = release();
        var namespace = release.getOrDefault("ID", "alpine");
        var distribution = release.containsKey("VERSION_ID") ? namespace + "-" + release.get("VERSION_ID") : "";
        for (var path : List.of("lib/apk/db/installed", "usr/lib/apk/db/installed")) {
            paragraphs(path, ":", (fields, where) -> {
                var qualifiers = new HashMap<String, String>();
                put(qualifiers, "arch", fields.get("A"));
                put(qualifiers, "distro", distribution);
                put(qualifiers, "upstream", fields.get("o"));
                if (fields.containsKey("P")) {
                    add(new SoftwarePackage(
                            "apk",
                            namespace,
                            fields.getOrDefault("P", ""),
                            fields.getOrDefault("V", ""),
                            qualifiers,
                            fields.getOrDefault("m", ""),
                            where));
                }
            });
            if (found.stream().anyMatch(one -> one.type().equals("apk"))) {
                return; // the other is a link to it
            }
        }
    }

    private interface Paragraph {
        void of(Map<String, String> fields, String path);
    }

    /** Fields, a line each, between empty lines; a line that goes on the one before does not matter. */
    private void paragraphs(String path, String separator, Paragraph paragraph) {
        var fields = new HashMap<String, String>();
        files.read(path, line -> {
            if (line.isBlank()) {
                end(fields, path, paragraph);
                return;
            }
            var end = line.indexOf(separator);
            if (end > 0 && !Character.isWhitespace(line.charAt(0))) {
                fields.putIfAbsent(
                        line.substring(0, end),
                        line.substring(end + separator.length()).strip());
            }
        });
        end(fields, path, paragraph);
    }

    private static void end(Map<String, String> fields, String path, Paragraph paragraph) {
        if (!fields.isEmpty()) {
            paragraph.of(new HashMap<>(fields), "/" + path);
            fields.clear();
        }
    }

    // Java

    private void java() {
        var scan = new TreeScan(files.root(), "the image");
        var archives = new ArrayList<>(scan.below(new byte[0], new Choice(ARCHIVE, true)));
        for (var archive : archives) {
            if (archive.isFile() && !hidden.test(archive.name())) {
                try (var file = scan.read(archive)) {
                    JavaArchive.packages(file, "/" + archive.name()).forEach(this::add);
                }
            }
        }
    }

    /** Files by their names, no more of them than a limit. */
    private static final class Choice implements TreeScan.Choice {
        private final Pattern names;
        private final boolean enters;
        private int count;

        Choice(Pattern names, boolean enters) {
            this.names = names;
            this.enters = enters;
        }

        @Override
        public boolean wants(String path, boolean directory) {
            if (directory || !names.matcher(path).matches()) {
                return false;
            }
            if (++count > MOST_FILES) {
                throw new BuildException(
                        "cannot list the packages of the image: it has more than " + MOST_FILES + " files of them");
            }
            return true;
        }

        @Override
        public boolean enters(String path) {
            return enters;
        }
    }
}
