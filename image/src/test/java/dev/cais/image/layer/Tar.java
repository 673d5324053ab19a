package dev.cais.image.layer;

import dev.cais.Digest;
import dev.cais.storage.Attributes;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;

/** A tar in the making, entry by entry. */
final class Tar {
    static final Instant WHEN = Instant.parse("2024-02-29T12:34:56.123456789Z");

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final TarWriter writer = new TarWriter(bytes);

    static Attributes mode(int mode) {
        return new Attributes(0, 0, mode, WHEN, WHEN, List.of());
    }

    static Attributes owned(int mode, long uid, long gid) {
        return new Attributes(uid, gid, mode, WHEN, WHEN, List.of());
    }

    static Attributes at(int mode, Instant modified) {
        return new Attributes(0, 0, mode, modified, modified, List.of());
    }

    static Attributes with(int mode, Xattr... xattrs) {
        return new Attributes(0, 0, mode, WHEN, WHEN, List.of(xattrs));
    }

    Tar file(String name, String content) {
        return file(name, content, mode(0644));
    }

    Tar file(String name, String content, Attributes attributes) {
        return file(raw(name), content, attributes);
    }

    Tar file(byte[] name, String content, Attributes attributes) {
        var data = raw(content);
        return add(new TarEntry(TarType.FILE, name, new byte[0], data.length, attributes, 0, 0), data);
    }

    Tar directory(String name) {
        return directory(name, mode(0755));
    }

    Tar directory(String name, Attributes attributes) {
        return add(TarEntry.directory(name, attributes), new byte[0]);
    }

    Tar symlink(String name, String target) {
        return add(TarEntry.symlink(name, target, mode(0777)), new byte[0]);
    }

    Tar hardLink(String name, String existing) {
        return add(TarEntry.hardLink(name, existing, mode(0644)), new byte[0]);
    }

    Tar node(TarType type, String name, long major, long minor, Attributes attributes) {
        return add(new TarEntry(type, raw(name), new byte[0], 0, attributes, major, minor), new byte[0]);
    }

    Tar add(TarEntry entry, byte[] content) {
        try {
            writer.write(entry, new ByteArrayInputStream(content));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    /** Bytes that no writer of ours would write. */
    Tar block(byte[] block) {
        bytes.writeBytes(block);
        return this;
    }

    byte[] bytes() {
        try {
            writer.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    /** A header block, its checksum right, for fields that no writer of ours would write. */
    static byte[] header(String name, char type, String size) {
        var block = new byte[512];
        put(block, 0, name);
        put(block, 100, "0000644\0" + "0000000\0" + "0000000\0");
        put(block, 124, size);
        put(block, 136, "00000000000\0");
        block[156] = (byte) type;
        put(block, 257, "ustar\00000");
        return summed(block);
    }

    static void put(byte[] block, int at, String text) {
        System.arraycopy(raw(text), 0, block, at, raw(text).length);
    }

    static byte[] summed(byte[] block) {
        Arrays.fill(block, 148, 156, (byte) ' ');
        var sum = 0;
        for (var each : block) {
            sum += each & 0xff;
        }
        put(block, 148, String.format("%06o\0 ", sum));
        return block;
    }

    /** An extended header with its content, padded. */
    static byte[] pax(char type, String... records) {
        var content = new StringBuilder();
        for (var record : records) {
            var rest = raw(record).length + 2;
            var length = rest + Integer.toString(rest).length();
            length = rest + Integer.toString(length).length();
            content.append(length).append(' ').append(record).append('\n');
        }
        var bytes = raw(content.toString());
        var whole = new ByteArrayOutputStream();
        whole.writeBytes(header("pax", type, String.format("%011o\0", bytes.length)));
        whole.writeBytes(Arrays.copyOf(bytes, (bytes.length + 511) / 512 * 512));
        return whole.toByteArray();
    }

    static Digest diffId(byte[] tar) {
        return OciLayout.digest(tar);
    }

    static byte[] raw(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
