package dev.cais.runtime.build;

import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.StorageException;
import dev.cais.image.layer.Compression;
import dev.cais.image.layer.TarTree;
import dev.cais.linux.Fd;
import dev.cais.storage.Attributes;
import dev.cais.storage.TreeScan;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/** Archives that {@code ADD} unpacks: tars, plain or compressed by gzip or zstd. */
final class Archives {
    private static final int HEADER = 512;
    private static final int MAGIC_AT = 257;
    private static final byte[] MAGIC = {'u', 's', 't', 'a', 'r'};
    private static final byte[] BZIP2 = {'B', 'Z', 'h'};
    private static final byte[] XZ = {(byte) 0xfd, '7', 'z', 'X', 'Z', 0};

    private Archives() {}

    /**
     * Whether a file is one.
     *
     * @throws InvalidSpecException if it is compressed in a way that is not understood, so that nobody can tell
     */
    static boolean isArchive(FileSource source, TreeScan.Entry entry) {
        try (var file = source.scan().read(entry);
                var in = open(file)) {
            in.mark(HEADER);
            var first = in.readNBytes(HEADER);
            if (startsWith(first, 0, BZIP2) || startsWith(first, 0, XZ)) {
                throw new InvalidSpecException(
                        "ADD does not unpack " + entry + ": it is compressed by " + (first[0] == 'B' ? "bzip2" : "xz")
                                + ", and tar, gzip and zstd are understood",
                        "compress it by gzip, or write COPY to copy it as it is");
            }
            if (Compression.of(first) == Compression.NONE) {
                return isTar(first);
            }
            in.reset();
            return isTar(Compression.decompress(in, entry.name()).readNBytes(HEADER));
        } catch (IOException e) {
            return false; // begins as if it were compressed
        }
    }

    private static boolean isTar(byte[] header) {
        return startsWith(header, MAGIC_AT, MAGIC);
    }

    private static boolean startsWith(byte[] bytes, int at, byte[] magic) {
        return bytes.length >= at + magic.length && Arrays.equals(bytes, at, at + magic.length, magic, 0, magic.length);
    }

    private static BufferedInputStream open(Fd file) throws IOException {
        return new BufferedInputStream(Files.newInputStream(Path.of("/proc/self/fd/" + file.number())));
    }

    /** Unpacks one into a directory that is there. */
    static void unpack(
            FileSource source,
            TreeScan.Entry entry,
            TreeWriting writing,
            byte[] target,
            Optional<BuildHost.Owner> owner,
            ImageLimits limits) {
        try (var file = source.scan().read(entry);
                InputStream in = open(file)) {
            TarTree.extract(in, entry.name(), writing.files(), target, own -> changed(own, owner), limits);
        } catch (IOException e) {
            throw new StorageException("cannot unpack " + entry + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    private static Attributes changed(Attributes own, Optional<BuildHost.Owner> owner) {
        return owner.map(as ->
                        new Attributes(as.uid(), as.gid(), own.mode(), own.modified(), own.accessed(), own.xattrs()))
                .orElse(own);
    }
}
