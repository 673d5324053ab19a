package dev.cais.runtime.build;

import dev.cais.BuildContext;
import dev.cais.BuildException;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.NotFoundException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.dockerfile.IgnoreFile;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.oci.Hash;
import dev.cais.linux.Fd;
import dev.cais.storage.FileHashes;
import dev.cais.storage.InRoot;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The files of a context, in a directory of the host, as it is during the build. For many threads. */
final class ContextFiles implements AutoCloseable {
    private final BuildContext context;
    private final String name;
    private final Store store;
    private final Fd root;
    private final Digest memory;
    private final FileHashes hashes;
    private final PathPatterns ignored;

    private ContextFiles(
            BuildContext context, Path directory, String name, Store store, Fd root, List<String> ignoreFiles) {
        this.context = context;
        this.name = name;
        this.store = store;
        this.root = root;
        this.memory = Hash.sha256(("hashes of files\n" + directory).getBytes(StandardCharsets.UTF_8));
        this.hashes = FileHashes.of(store.builds().note(memory).orElse(new byte[0]));
        this.ignored = ignored(ignoreFiles);
    }

    /**
     * @param directory that has the context's files
     * @param ignoreFiles names of files that say what is not shown, the first that is there counts
     * @throws NotFoundException if there is no such directory
     */
    static ContextFiles open(BuildContext context, Path directory, String name, List<String> ignoreFiles, Store store) {
        if (!Files.isDirectory(directory)) {
            throw new NotFoundException("cannot build " + context + ": "
                    + (Files.exists(directory) ? "it is no directory" : "there is no such directory"));
        }
        var root = Workplace.open("cannot build " + context, directory);
        try {
            return new ContextFiles(context, directory, name, store, root, ignoreFiles);
        } catch (RuntimeException | Error e) {
            root.close();
            throw e;
        }
    }

    /** Files that it does not show. */
    PathPatterns ignored() {
        return ignored;
    }

    private PathPatterns ignored(List<String> names) {
        for (var each : names) {
            var found = find(each);
            if (found.isPresent()) {
                try (var in = found.get()) {
                    return IgnoreFile.read(context + "/" + each, in);
                } catch (IOException e) {
                    throw unreadable(each, e);
                }
            }
        }
        return PathPatterns.NONE;
    }

    /** A file of the directory, links followed within it; or one of the host if the name is absolute. */
    Optional<InputStream> find(String file) {
        try {
            if (file.startsWith("/")) {
                return Files.isRegularFile(Path.of(file))
                        ? Optional.of(Files.newInputStream(Path.of(file)))
                        : Optional.empty();
            }
            var found = new InRoot(root, name).find(InRoot.path(file));
            if (found.isEmpty()) {
                return Optional.empty();
            }
            try (var place = found.get()) {
                var opened = Path.of("/proc/self/fd/" + place.number());
                if (!Files.isRegularFile(opened)) {
                    throw new BuildException("cannot build " + context + ": " + file + " is no regular file");
                }
                return Optional.of(Files.newInputStream(opened));
            }
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private EngineException unreadable(String file, IOException cause) {
        return IoFailure.of("cannot read " + file + " of " + context, cause);
    }

    /** What helps if there is no file of a name. */
    String like(String file) {
        try (var source = source()) {
            return source.like(InRoot.path(file));
        }
    }

    /** Its directory; not to be closed. */
    Fd root() {
        return root;
    }

    FileSource source() {
        return new FileSource(root.duplicate(), name, ignored, false, hashes);
    }

    /** Remembers what the files hold, if they stay where they are. */
    @Override
    public void close() {
        root.close();
        if (hashes.isChanged() && context instanceof BuildContext.Directory) {
            store.builds().putNote(memory, hashes.toBytes());
        }
    }

    @Override
    public String toString() {
        return name;
    }
}
