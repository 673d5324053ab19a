package dev.cais.image.attestation;

import dev.cais.linux.Fd;
import dev.cais.linux.ReadChannel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.channels.SeekableByteChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.jar.Attributes;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import org.apache.commons.compress.utils.SeekableInMemoryByteChannel;

/**
 * What an archive of Java tells of what is in it: Maven's {@code pom.properties}, of which there are several where archives were merged; else
 * its manifest; else its name. Archives within it, as in those of web applications and Spring Boot, are read, too, but none within those.
 */
final class JavaArchive {
    private static final int MOST_ENTRIES = 2000;
    private static final int LARGEST_TEXT = 1 << 20;
    private static final int LARGEST_INNER = 32 << 20;
    private static final String MANIFEST = "META-INF/MANIFEST.MF";
    private static final Pattern MAVEN = Pattern.compile("META-INF/maven/[^/]+/[^/]+/pom\\.properties");
    private static final Pattern INNER = Pattern.compile("(BOOT-INF/lib|WEB-INF/lib|lib)/[^/]+\\.jar");
    private static final Pattern FILE_NAME = Pattern.compile("(?:.*/)?([^/]+?)(?:-([0-9][^/]*))?\\.[jwe]ar");

    private final SeekableByteChannel file;
    private final List<SoftwarePackage> found = new ArrayList<>();

    private JavaArchive(SeekableByteChannel file) {
        this.file = file;
    }

    /** @param path of the archive in its image */
    static List<SoftwarePackage> packages(Fd archive, String path) {
        try (var file = new ReadChannel(archive)) {
            var reading = new JavaArchive(file);
            reading.read(0, file.size(), path, true);
            return reading.found;
        } catch (IOException e) {
            throw ImageFiles.unreadable(path, e);
        }
    }

    private void read(long start, long size, String path, boolean outermost) throws IOException {
        var zip = new ZipDirectory(file, start, size);
        var before = found.size();
        var title = Map.<String, String>of();
        for (var entry : zip.entries(name -> isTold(name, outermost), MOST_ENTRIES)) {
            if (entry.name().equals(MANIFEST)) {
                title = zip.read(entry, LARGEST_TEXT).map(JavaArchive::manifest).orElse(Map.of());
            } else if (MAVEN.matcher(entry.name()).matches()) {
                zip.read(entry, LARGEST_TEXT).ifPresent(content -> maven(content, path));
            } else {
                inner(zip, entry, path + "!/" + entry.name());
            }
        }
        if (found.subList(before, found.size()).stream()
                .noneMatch(one -> one.foundIn().equals(path))) {
            named(title, path);
        }
    }

    private static boolean isTold(String name, boolean outermost) {
        return name.equals(MANIFEST)
                || MAVEN.matcher(name).matches()
                || outermost && INNER.matcher(name).matches();
    }

    private void inner(ZipDirectory zip, ZipDirectory.Entry entry, String path) throws IOException {
        if (entry.method() == 0) {
            var at = zip.content(entry);
            if (at.isPresent()) {
                read(at.get(), entry.compressed(), path, false);
            }
            return;
        }
        var content = zip.read(entry, LARGEST_INNER);
        if (content.isPresent()) {
            var reading = new JavaArchive(new SeekableInMemoryByteChannel(content.get()));
            reading.read(0, content.get().length, path, false);
            found.addAll(reading.found);
        }
    }

    private void maven(byte[] content, String path) {
        var properties = new Properties();
        try {
            properties.load(new ByteArrayInputStream(content));
        } catch (IOException | IllegalArgumentException e) {
            return; // a broken escape
        }
        var group = properties.getProperty("groupId", "").strip();
        var name = properties.getProperty("artifactId", "").strip();
        if (!group.isEmpty() && !name.isEmpty()) {
            var version = properties.getProperty("version", "").strip();
            found.add(new SoftwarePackage("maven", group, name, version, Map.of(), "", path));
        }
    }

    private static Map<String, String> manifest(byte[] content) {
        try {
            var main = new Manifest(new ByteArrayInputStream(content)).getMainAttributes();
            return Map.of(
                    "name", first(main, "Bundle-SymbolicName", "Implementation-Title", "Automatic-Module-Name"),
                    "version", first(main, "Bundle-Version", "Implementation-Version"),
                    "vendor", first(main, "Implementation-Vendor", "Bundle-Vendor"));
        } catch (IOException | IllegalArgumentException e) {
            return Map.of(); // broken
        }
    }

    private static String first(Attributes attributes, String... names) {
        for (var name : names) {
            var value = attributes.getValue(name);
            if (value != null && !value.isBlank()) {
                return value.replaceFirst(";.*", "").strip();
            }
        }
        return "";
    }

    /** By its manifest, and what that does not say by its file's name. */
    private void named(Map<String, String> title, String path) {
        var parts = FILE_NAME.matcher(path);
        var isNamed = parts.matches();
        var name = title.getOrDefault("name", "");
        var version = title.getOrDefault("version", "");
        found.add(new SoftwarePackage(
                "",
                "",
                name.isEmpty() ? (isNamed ? parts.group(1) : path) : name,
                version.isEmpty() && isNamed && parts.group(2) != null ? parts.group(2) : version,
                Map.of(),
                title.getOrDefault("vendor", ""),
                path));
    }
}
