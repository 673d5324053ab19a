package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.image.layer.Compression;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A tar on disk, not compressed: the file that was named, or what it unpacks to.
 *
 * @param isTemporary whether whoever asked for it must delete it
 */
record PlainFile(Path path, boolean isTemporary) {
    private static final byte[] XZ = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0};
    private static final byte[] BZIP2 = {'B', 'Z', 'h'};

    /**
     * @throws CorruptContentException if the file is compressed in a way that Cais does not read, broken, or unpacks to more
     *     than one layer may have
     */
    static PlainFile of(Path file, Path temporary, ImageLimits limits) {
        try {
            return compression(file) == Compression.NONE
                    ? new PlainFile(file, false)
                    : new PlainFile(unpack(file, temporary, limits), true);
        } catch (IOException e) {
            throw IoFailure.of("cannot load " + file, e);
        }
    }

    /** @throws CorruptContentException if it is one that Cais does not read */
    static Compression compression(Path file) throws IOException {
        try (var content = Files.newInputStream(file)) {
            var magic = content.readNBytes(XZ.length);
            refuse(file, magic, XZ, "xz");
            refuse(file, magic, BZIP2, "bzip2");
            return Compression.of(magic);
        }
    }

    private static void refuse(Path file, byte[] start, byte[] magic, String program) {
        if (Arrays.mismatch(start, magic) == magic.length || Arrays.equals(start, magic)) {
            throw new CorruptContentException(
                    "cannot read " + file + ": it is compressed with " + program + ", which Cais does not read",
                    "unpack it with " + program + " -d");
        }
    }

    private static Path unpack(Path file, Path temporary, ImageLimits limits) throws IOException {
        var unpacked = Files.createTempFile(temporary, "archive", ".tar");
        try (var content = Compression.decompress(Files.newInputStream(file), "archive " + file);
                var target = Files.newOutputStream(unpacked)) {
            Copying.copy(content, target, limits.layerSize().bytes(), "cannot load " + file);
            return unpacked;
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(unpacked);
            throw e;
        }
    }
}
