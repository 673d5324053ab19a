package dev.cais.storage;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Writes nothing: keeps a hash of each file that would be written, to compare two trees. Times of access do not count. Memory
 * grows with the number of files.
 */
final class TreeFingerprint implements FileOperations {
    private static final int ZEROES = 1 << 16;

    private final Map<String, String> lines = new LinkedHashMap<>();

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
        var hash = hash();
        hash.update(Names.of("%d %d %o %s "
                .formatted(attributes.uid(), attributes.gid(), attributes.mode(), attributes.modified())));
        attributes.xattrs().stream()
                .sorted(java.util.Comparator.comparing(Xattr::name))
                .forEach(xattr -> {
                    hash.update(Names.of(xattr.name() + "=" + xattr.value().length + " "));
                    hash.update(xattr.value());
                });
        return hash;
    }

    private static MessageDigest hash() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    @Override
    public FileSink file(byte[] path, Attributes attributes) {
        var hash = hash(attributes);
        return new FileSink() {
            @Override
            public void write(byte[] bytes, int offset, int length) {
                hash.update(bytes, offset, length);
            }

            @Override
            public void skip(long length) {
                var zeroes = new byte[(int) Math.min(length, ZEROES)];
                for (var left = length; left > 0; left -= zeroes.length) {
                    hash.update(zeroes, 0, (int) Math.min(left, zeroes.length));
                }
            }

            @Override
            public void finish() {
                add(path, "file ", hash);
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public void directory(byte[] path, Attributes attributes) {
        add(path, "directory ", hash(attributes));
    }

    @Override
    public void symlink(byte[] path, byte[] target, Attributes attributes) {
        var hash = hash(attributes);
        hash.update(target);
        add(path, "symlink ", hash);
    }

    @Override
    public void hardLink(byte[] path, byte[] existing) {
        var hash = hash();
        hash.update(existing);
        add(path, "link ", hash);
    }

    @Override
    public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
        add(path, type + " " + major + ":" + minor + " ", hash(attributes));
    }

    @Override
    public void whiteout(byte[] path) {
        throw new IllegalStateException("a tree is compared as it stands");
    }

    @Override
    public void opaque(byte[] path) {
        throw new IllegalStateException("a tree is compared as it stands");
    }

    @Override
    public void remove(byte[] path) {
        throw new IllegalStateException("a tree is compared as it stands");
    }

    @Override
    public long created() {
        return lines.size();
    }

    @Override
    public void close() {}
}
