package dev.cais.storage;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A hash of each file of a layer, to compare two trees. Times of access do not count. Memory grows with the number of files.
 */
final class TreeFingerprint implements TreeVisitor {
    private static final int BUFFER = 1 << 16;

    private final Map<String, String> lines = new LinkedHashMap<>();
    private final byte[] buffer = new byte[BUFFER];

    /** The first path, in the order of {@code other}, that is not the same in both trees; empty if all are. */
    Optional<String> difference(TreeFingerprint other) {
        for (var line : other.lines.entrySet()) {
            if (!line.getValue().equals(lines.get(line.getKey()))) {
                return Optional.of(shown(line.getKey()));
            }
        }
        return lines.keySet().stream()
                .filter(path -> !other.lines.containsKey(path))
                .findFirst()
                .map(TreeFingerprint::shown);
    }

    private static String shown(String path) {
        return Names.shown(path.getBytes(StandardCharsets.ISO_8859_1));
    }

    private void add(byte[] path, String kind, MessageDigest hash) {
        var content = HexFormat.of().formatHex(hash.digest(), 0, 16);
        lines.put(new String(path, StandardCharsets.ISO_8859_1), kind + content);
    }

    private static MessageDigest hash(Attributes attributes) {
        try {
            var hash = MessageDigest.getInstance("SHA-256");
            hash.update(Names.of("%d %d %o %s "
                    .formatted(attributes.uid(), attributes.gid(), attributes.mode(), attributes.modified())));
            attributes.xattrs().stream()
                    .sorted(Comparator.comparing(Xattr::name))
                    .forEach(xattr -> {
                        hash.update(Names.of(xattr.name() + "=" + xattr.value().length + " "));
                        hash.update(xattr.value());
                    });
            return hash;
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    @Override
    public void directory(byte[] path, Attributes attributes, boolean opaque) {
        add(path, opaque ? "opaque directory " : "directory ", hash(attributes));
    }

    @Override
    public void file(byte[] path, Attributes attributes, FileContent content) {
        var hash = hash(attributes);
        try (var stream = content.stream()) {
            for (var count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
                hash.update(buffer, 0, count);
            }
        } catch (IOException e) {
            throw new IllegalStateException("it reads without Java's exceptions", e);
        }
        add(path, "file ", hash);
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        var hash = hash(attributes);
        hash.update(target);
        add(path, "symlink ", hash);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
        var hash = hash(attributes);
        hash.update(existing);
        add(path, "link ", hash);
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        add(path, type + " " + major + ":" + minor + " ", hash(attributes));
    }

    /** Its attributes are nobody's: the kernel and whoever unpacks give it what they like. */
    @Override
    public void whiteout(byte[] path, Attributes attributes) {
        lines.put(new String(path, StandardCharsets.ISO_8859_1), "whiteout");
    }
}
