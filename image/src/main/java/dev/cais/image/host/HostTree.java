package dev.cais.image.host;

import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarWriter;
import dev.cais.storage.Attributes;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The files of an image in the making, by absolute path: some of the host's, some made up. */
final class HostTree {
    private final Map<String, Node> nodes = new TreeMap<>();

    private sealed interface Node {}

    private record Directory(int mode) implements Node {}

    private record Link(String target) implements Node {}

    private record MadeUp(String content) implements Node {}

    private record HostFile(Path path, int mode, long size, Instant modified) implements Node {}

    /** A link that is there already stays one. */
    void directory(String path, int mode) {
        if (!(nodes.get(path) instanceof Link)) {
            nodes.put(path, new Directory(mode));
        }
    }

    /** Only if nothing is there. */
    void link(String path, String target) {
        nodes.putIfAbsent(path, new Link(target));
    }

    void file(String path, String content) {
        nodes.put(path, new MadeUp(content));
    }

    /** Adds a file of the host, with the directories and links on the way to it. */
    void add(HostFiles.Found found) {
        found.directories().forEach(directory -> nodes.putIfAbsent(directory, new Directory(0755)));
        found.links().forEach(this::link);
        nodes.putIfAbsent(
                found.path(),
                new HostFile(
                        found.file(),
                        Files.isExecutable(found.file()) ? 0755 : 0644, // never setuid
                        found.attributes().size(),
                        found.attributes().lastModifiedTime().toInstant()));
    }

    /** Takes everything that decides about the tar: of the host's files not their content, but size and time. */
    void hashInto(MessageDigest hash) {
        nodes.forEach((path, node) -> {
            hash.update((path + "\0" + node + "\0").getBytes(StandardCharsets.UTF_8));
        });
    }

    /** When the newest of the host's files was changed. */
    Instant newest() {
        return nodes.values().stream()
                .flatMap(node ->
                        node instanceof HostFile file ? List.of(file.modified).stream() : List.<Instant>of().stream())
                .max(Instant::compareTo)
                .orElse(Instant.EPOCH);
    }

    /** By name, owned by root, without times. */
    void write(TarWriter tar) throws IOException {
        for (var entry : nodes.entrySet()) {
            write(tar, entry.getKey().substring(1), entry.getValue());
        }
    }

    private static void write(TarWriter tar, String name, Node node) throws IOException {
        if (node instanceof Directory directory) {
            tar.write(TarEntry.directory(name + "/", Attributes.ofMode(directory.mode)));
        } else if (node instanceof Link link) {
            tar.write(TarEntry.symlink(name, link.target, Attributes.ofMode(0777)));
        } else if (node instanceof MadeUp madeUp) {
            var content = madeUp.content.getBytes(StandardCharsets.UTF_8);
            tar.write(TarEntry.file(name, content.length, Attributes.ofMode(0644)), new ByteArrayInputStream(content));
        } else if (node instanceof HostFile file) {
            try (var content = Files.newInputStream(file.path)) {
                tar.write(TarEntry.file(name, file.size, Attributes.ofMode(file.mode)), content);
            }
        }
    }
}
