package dev.cais.image.layer;

import dev.cais.storage.Attributes;
import java.nio.charset.StandardCharsets;

/**
 * One entry of a tar stream.
 *
 * @param name as it stands in the archive, in bytes; may begin with {@code /} or hold {@code ..}
 * @param link what a hard or symbolic link names; empty for others
 * @param size bytes of the content, holes included; 0 for all but files
 * @param attributes owner, mode, times, extended attributes
 * @param major of devices; 0 for others
 * @param minor of devices; 0 for others
 */
public record TarEntry(
        TarType type, byte[] name, byte[] link, long size, Attributes attributes, long major, long minor) {
    private static final byte[] NONE = {};

    public static TarEntry file(String name, long size, Attributes attributes) {
        return new TarEntry(TarType.FILE, bytes(name), NONE, size, attributes, 0, 0);
    }

    public static TarEntry directory(String name, Attributes attributes) {
        return new TarEntry(TarType.DIRECTORY, bytes(name), NONE, 0, attributes, 0, 0);
    }

    public static TarEntry symlink(String name, String target, Attributes attributes) {
        return new TarEntry(TarType.SYMLINK, bytes(name), bytes(target), 0, attributes, 0, 0);
    }

    public static TarEntry hardLink(String name, String existing, Attributes attributes) {
        return new TarEntry(TarType.HARD_LINK, bytes(name), bytes(existing), 0, attributes, 0, 0);
    }

    /** The name as text; bytes that are not UTF-8 show as U+FFFD. */
    public String path() {
        return new String(name, StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
