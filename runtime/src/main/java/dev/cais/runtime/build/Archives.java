package dev.cais.runtime.build;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.StorageException;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarReader;
import dev.cais.image.layer.TarTree;
import dev.cais.image.layer.TarType;
import dev.cais.linux.Fd;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.TreeScan;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Archives that {@code ADD} unpacks: tars, plain or compressed by gzip, zstd, bzip2 or xz. */
final class Archives {
    private static final int HEADER = 512;
    private static final int MAGIC_AT = 257;
    private static final byte[] MAGIC = {'u', 's', 't', 'a', 'r'};

    private Archives() {}

    /** Whether a file is one, by what it holds. */
    static boolean isArchive(FileSource source, TreeScan.Entry entry) {
        try (var file = source.scan().read(entry);
                var in = Compression.decompressArchive(open(file), entry.name())) {
            return isTar(in.readNBytes(HEADER));
        } catch (IOException | CorruptContentException e) {
            return false; // begins as if it were compressed
        }
    }

    /** Whether a stream, which can be marked, begins as only texts do: headers of archives have a NUL or a magic number. */
    static boolean isText(InputStream content) throws IOException {
        content.mark(HEADER);
        var first = content.readNBytes(HEADER);
        content.reset();
        return first.length > 0 && !Compression.isPacked(first) && new String(first, ISO_8859_1).indexOf('\0') < 0;
    }

    /**
     * The time of the newest file in an archive; of what is none, nothing.
     *
     * @param what for messages
     */
    static Optional<Instant> newest(InputStream content, String what, ImageLimits limits) throws IOException {
        var newest = Optional.<Instant>empty();
        try (var plain = new BufferedInputStream(Compression.decompressArchive(content, what))) {
            plain.mark(HEADER);
            if (!isTar(plain.readNBytes(HEADER))) {
                return newest;
            }
            plain.reset();
            try (var reader = new TarReader(plain, what, limits)) {
                for (var entry = reader.next(); entry != null; entry = reader.next()) {
                    var modified = entry.attributes().modified();
                    if (entry.type() == TarType.FILE && newest.stream().noneMatch(modified::isBefore)) {
                        newest = Optional.of(modified);
                    }
                }
            }
        }
        return newest;
    }

    private static boolean isTar(byte[] header) {
        return header.length >= MAGIC_AT + MAGIC.length
                && Arrays.equals(header, MAGIC_AT, MAGIC_AT + MAGIC.length, MAGIC, 0, MAGIC.length);
    }

    private static InputStream open(Fd file) throws IOException {
        return Files.newInputStream(Path.of("/proc/self/fd/" + file.number()));
    }

    /**
     * Unpacks one into a directory that is there.
     *
     * @param change of what it says of each file
     */
    static void unpack(
            FileSource source,
            TreeScan.Entry entry,
            FileOperations files,
            byte[] target,
            UnaryOperator<Attributes> change,
            ImageLimits limits) {
        try (var file = source.scan().read(entry);
                var in = open(file)) {
            TarTree.extract(in, entry.name(), files, target, change, limits);
        } catch (IOException e) {
            throw new StorageException("cannot unpack " + entry + ": " + e.getMessage(), Map.of(), "", e);
        }
    }
}
