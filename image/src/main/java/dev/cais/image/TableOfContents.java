package dev.cais.image;

import dev.cais.ImageLimits;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarReader;
import dev.cais.image.layer.TarType;
import dev.cais.storage.Xattr;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What packed layers say of their entries, so that one can be fetched alone: in the words of CRFS, as zstd:chunked and eStargz do. */
final class TableOfContents {
    private TableOfContents() {}

    /** Where the content of an entry lies in the tar stream. */
    record Located(TarEntry entry, long offset) {}

    /** A layer's tar stream. */
    interface Source {
        InputStream open() throws IOException;
    }

    /** The layer's entries; none if there is one that a table cannot hold: a sparse file, or a name that is not UTF-8. */
    static List<Located> entries(Source tar, ImageLimits limits) throws IOException {
        var entries = new ArrayList<Located>();
        var fits = true;
        try (var reader = new TarReader(tar.open(), "the layer", limits)) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                var offset = reader.contentOffset();
                fits &= offset >= 0 && isText(entry.name()) && isText(entry.link());
                entries.add(new Located(entry, offset));
            }
        }
        return fits ? entries : List.of();
    }

    private static boolean isText(byte[] name) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(name));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }

    /** One entry, to be completed; what is zero or empty is left out. */
    static Map<String, Object> describe(TarEntry entry) {
        var attributes = entry.attributes();
        var fields = new LinkedHashMap<String, Object>();
        fields.put("type", type(entry.type()));
        fields.put("name", entry.path());
        putText(fields, "linkName", new String(entry.link(), StandardCharsets.UTF_8));
        putNumber(fields, "mode", attributes.mode());
        putNumber(fields, "size", entry.size());
        putNumber(fields, "uid", attributes.uid());
        putNumber(fields, "gid", attributes.gid());
        fields.put("modtime", attributes.modified().toString());
        if (!attributes.accessed().equals(attributes.modified())) {
            fields.put("accesstime", attributes.accessed().toString());
        }
        putNumber(fields, "devMajor", entry.major());
        putNumber(fields, "devMinor", entry.minor());
        if (!attributes.xattrs().isEmpty()) {
            var xattrs = new LinkedHashMap<String, Object>();
            for (Xattr xattr : attributes.xattrs()) {
                xattrs.put(xattr.name(), Base64.getEncoder().encodeToString(xattr.value()));
            }
            fields.put("xattrs", xattrs);
        }
        return fields;
    }

    private static void putText(Map<String, Object> fields, String key, String value) {
        if (!value.isEmpty()) {
            fields.put(key, value);
        }
    }

    private static void putNumber(Map<String, Object> fields, String key, long value) {
        if (value != 0) {
            fields.put(key, value);
        }
    }

    private static String type(TarType type) {
        return switch (type) {
            case FILE -> "reg";
            case DIRECTORY -> "dir";
            case SYMLINK -> "symlink";
            case HARD_LINK -> "hardlink";
            case CHARACTER_DEVICE -> "char";
            case BLOCK_DEVICE -> "block";
            case FIFO -> "fifo";
        };
    }
}
