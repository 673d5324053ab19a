package dev.cais.image.host;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** The host's files by absolute path. Links are followed as a process with this root would follow them. */
final class HostFiles {
    private static final int MOST_STEPS = 400;

    private final Path root;
    private final Set<String> seen = new TreeSet<>();

    /** @param root of the host: {@code /}, or another in tests */
    HostFiles(Path root) {
        this.root = root;
    }

    /**
     * A regular file that can be read, and the way to it.
     *
     * @param directories that are passed, outermost first
     * @param links that are passed, and their targets
     * @param path where the file really lies
     * @param file the same for this JVM
     */
    record Found(
            List<String> directories,
            Map<String, String> links,
            String path,
            Path file,
            BasicFileAttributes attributes) {
        String directory() {
            return parent(path);
        }
    }

    static String parent(String path) {
        return path.substring(0, path.lastIndexOf('/'));
    }

    Path host(String path) {
        return root.resolve(path.substring(1));
    }

    /** Empty if there is no such file, or it may not be read. */
    Optional<Found> find(String path) throws IOException {
        var directories = new ArrayList<String>();
        var links = new LinkedHashMap<String, String>();
        var todo = new ArrayDeque<>(List.of(path.split("/")));
        var at = "";
        for (var steps = 0; !todo.isEmpty() && steps < MOST_STEPS; steps++) {
            var part = todo.pop();
            if (part.equals("..")) {
                at = at.isEmpty() ? "" : parent(at);
            } else if (!part.isEmpty() && !part.equals(".")) {
                var next = at + "/" + part;
                var attributes = attributes(next);
                if (attributes.isEmpty()) {
                    return Optional.empty();
                }
                if (attributes.get().isSymbolicLink()) {
                    var target = Files.readSymbolicLink(host(next)).toString();
                    links.put(next, target);
                    at = target.startsWith("/") ? "" : at;
                    var parts = target.split("/");
                    for (var i = parts.length - 1; i >= 0; i--) {
                        todo.push(parts[i]);
                    }
                } else if (attributes.get().isDirectory()) {
                    directories.add(next);
                    at = next;
                } else {
                    return attributes.get().isRegularFile() && todo.isEmpty() && Files.isReadable(host(next))
                            ? Optional.of(new Found(directories, links, next, host(next), attributes.get()))
                            : Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    /** The target of a link; empty if there is none. */
    Optional<String> link(String path) throws IOException {
        return attributes(path).filter(BasicFileAttributes::isSymbolicLink).isPresent()
                ? Optional.of(Files.readSymbolicLink(host(path)).toString())
                : Optional.empty();
    }

    private Optional<BasicFileAttributes> attributes(String path) throws IOException {
        try {
            seen.add(parent(path) + "/"); // which tells by its time whether names in it have come, gone or changed
            var attributes = Files.readAttributes(host(path), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
            if (attributes.isRegularFile()) {
                seen.add(path);
            }
            return Optional.of(attributes);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /** Counts a file or directory (with {@code /} at its end) among what was looked at. */
    void watch(String path) {
        seen.add(path);
    }

    /** Size and time of all files that were found, and of all directories that were searched: a line each. */
    String stamp() {
        return seen.stream().map(this::stampLine).collect(joining());
    }

    /** Whether everything that a stamp tells of is as it was. */
    boolean isCurrent(String stamp) {
        return stamp.lines().allMatch(line -> {
            var path = line.substring(line.indexOf('/'));
            return stampLine(path).equals(line + "\n");
        });
    }

    private String stampLine(String path) {
        try {
            var attributes = Files.readAttributes(host(path), BasicFileAttributes.class);
            var size = attributes.isRegularFile() ? attributes.size() : 0;
            return attributes.lastModifiedTime().toInstant() + " " + size + " " + path + "\n";
        } catch (IOException e) {
            return "- - " + path + "\n";
        }
    }
}
