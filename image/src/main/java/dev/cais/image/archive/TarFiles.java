package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
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

    /**
     * @param name for messages
     * @param temporary whether to delete the file when this is closed
     */
    TarFiles(Path tar, String name, boolean temporary, ImageLimits limits) {
        super(name);
        this.tar = tar;
        this.temporary = temporary;
        try (var reader = new TarReader(FileRegion.open(tar, 0, Files.size(tar)), "archive " + name, limits)) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                var path = parts(entry.path());
                if (entries.size() == MOST_ENTRIES) {
                    throw new CorruptContentException(
                            "cannot load " + name + ": it has more than " + MOST_ENTRIES + " entries");
                }
                entries.put(
                        String.join("/", path),
                        switch (entry.type()) {
                            case FILE ->
                                reader.contentOffset() < 0
                                        ? new NoFile()
                                        : new Content(reader.contentOffset(), entry.size());
                            case SYMLINK ->
                                new Link(resolve(path.subList(0, Math.max(0, path.size() - 1)), text(entry.link())));
                            case HARD_LINK -> new Link(resolve(List.of(), text(entry.link())));
                            default -> new NoFile();
                        });
            }
        } catch (IOException e) {
            throw IoFailure.of("cannot load " + name, e);
        }
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
