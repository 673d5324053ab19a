package dev.cais.image.archive;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** An archive that is a directory. */
final class DirectoryFiles extends ArchiveFiles {
    private final Path top;

    DirectoryFiles(Path directory) {
        super(directory.toString());
        try {
            this.top = directory.toRealPath();
        } catch (IOException e) {
            throw IoFailure.of("cannot load " + directory, e);
        }
    }

    @Override
    Optional<ArchiveFile> findNormal(String path) {
        try {
            var file = top.resolve(path).toRealPath();
            if (!file.startsWith(top)) {
                throw leadsOut(path);
            }
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                throw noFile(path);
            }
            return Optional.of(new ArchiveFile(
                    what(path), Files.size(file), () -> Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS)));
        } catch (NoSuchFileException | InvalidPathException e) { // no such file could have been made here
            return Optional.empty();
        } catch (IOException e) {
            throw IoFailure.of("cannot load " + name(), e);
        }
    }

    @Override
    public void close() {
        // nothing is held
    }
}
