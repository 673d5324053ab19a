package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarReader;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An archive that is a tar, not compressed. One pass finds out where its files lie. Of several entries with one name the last
 * counts, as it would if the archive were unpacked.
 */
final class TarFiles extends ArchiveFiles {
    private static final int MOST_ENTRIES = 200_000;
    private static final int MOST_LINKS = 16;

    private final Path tar;
    private final boolean temporary;
    private final Map<String, Entry> entries = new HashMap<>();

    private sealed interface Entry {}

    private record Content(long offset, long size) implements Entry {}

    /** @param target from the archive's top */
    private record Link(Optional<String> target) implements Entry {}

    private record NoFile() implements Entry {}

    private TarFiles(PlainFile tar, String name) {
        super(name);
        this.tar = tar.path();
        this.temporary = tar.isTemporary();
    }

    /**
     * Finds out what is where.
     *
     * @param name for messages
     */
    static TarFiles open(PlainFile tar, String name, ImageLimits limits) {
        var files = new TarFiles(tar, name);
        try {
            files.readEntries(limits);
            return files;
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    private void readEntries(ImageLimits limits) {
        try (var reader = new TarReader(FileRegion.open(tar, 0, Files.size(tar)), "archive " + name(), limits)) {
            for (var entry = first(reader); entry != null; entry = reader.next()) {
                if (entries.size() == MOST_ENTRIES) {
                    throw new CorruptContentException(
                            "cannot load " + name() + ": it has more than " + MOST_ENTRIES + " entries");
                }
                var path = parts(entry.path());
                entries.put(String.join("/", path), read(entry, path, reader.contentOffset()));
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot load " + name(), e);
        }
    }

    private @Nullable TarEntry first(TarReader reader) {
        try {
            return reader.next();
        } catch (CorruptContentException e) {
            throw new CorruptContentException(
                    "cannot load " + name() + ": it is no tar, nor one compressed with gzip or zstd", Map.of(), "", e);
        }
    }

    private static Entry read(TarEntry entry, List<String> path, long offset) {
        return switch (entry.type()) {
            case FILE -> offset < 0 ? new NoFile() : new Content(offset, entry.size());
            case SYMLINK -> new Link(resolve(path.subList(0, Math.max(0, path.size() - 1)), text(entry.link())));
            case HARD_LINK -> new Link(resolve(List.of(), text(entry.link())));
            default -> new NoFile();
        };
    }

    private static List<String> parts(String path) {
        var parts = new ArrayList<String>();
        for (var part : path.split("/", -1)) {
            if (!part.isEmpty() && !part.equals(".")) {
                parts.add(part);
            }
        }
        return parts;
    }

    private static String text(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    @Override
    Optional<ArchiveFile> findNormal(String path) {
        var at = path;
        for (var links = 0; links <= MOST_LINKS; links++) {
            var entry = entries.get(at);
            if (entry == null) {
                return Optional.empty();
            }
            if (entry instanceof Content content) {
                return Optional.of(new ArchiveFile(
                        what(path), content.size, () -> FileRegion.open(tar, content.offset, content.size)));
            }
            if (!(entry instanceof Link link)) {
                throw noFile(path);
            }
            at = link.target.orElseThrow(() -> leadsOut(path));
        }
        throw new CorruptContentException(
                "cannot load " + name() + ": " + Shown.text(path) + " is a link that leads nowhere");
    }

    @Override
    public void close() {
        if (temporary) {
            try {
                Files.deleteIfExists(tar);
            } catch (IOException e) {
                throw IoFailure.of("cannot remove " + tar, e);
            }
        }
    }
}
