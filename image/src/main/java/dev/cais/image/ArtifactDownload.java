package dev.cais.image;

import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.ImageLimits;
import dev.cais.RemoteManifest;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.HashedContent;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.archive.Replacement;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;

/** The blobs of an artifact on their way to files. All grow beside their places, and take them when the last is complete. */
final class ArtifactDownload {
    private static final String TITLE = "org.opencontainers.image.title";
    private static final Pattern COMPONENT = Pattern.compile("(?!\\.{1,2}(?:/|$))[^/\\p{Cntrl}]{1,255}");
    private static final Pattern PATH = Pattern.compile(COMPONENT + "(?:/" + COMPONENT + ")*");

    private final Repository repository;
    private final RemoteManifest manifest;
    private final Path directory;
    private final ImageLimits limits;
    private final int parallel;
    private final Task task;

    ArtifactDownload(
            Repository repository,
            RemoteManifest manifest,
            Path directory,
            ImageLimits limits,
            int parallel,
            Task task) {
        this.repository = repository;
        this.manifest = manifest;
        this.directory = directory;
        this.limits = limits;
        this.parallel = parallel;
        this.task = task;
    }

    /** Gives the files, in the manifest's order. */
    List<Path> run() {
        var growing = new LinkedHashMap<Path, Replacement>();
        try {
            var wanted = wanted();
            var fetching = new ArrayList<Callable<Boolean>>();
            for (var each : wanted.entrySet()) {
                var file = Replacement.of(place(each.getKey()));
                growing.put(each.getKey(), file);
                fetching.add(() -> {
                    fetch(each.getValue(), file.path());
                    return true;
                });
            }
            Workers.run("cais-download", parallel, fetching, task.cannot());
            for (var file : growing.values()) {
                file.publish();
            }
            return growing.keySet().stream().map(directory::resolve).toList();
        } catch (IOException e) {
            throw IoFailure.of(task.cannot(), e);
        } finally {
            growing.values().forEach(this::close);
        }
    }

    private void close(Replacement file) {
        try {
            file.close();
        } catch (IOException e) {
            throw IoFailure.of(task.cannot(), e);
        }
    }

    /** By the file's name below the directory. */
    private Map<Path, Descriptor> wanted() {
        if (!manifest.manifests().isEmpty()) {
            throw new CorruptContentException(task.cannot() + ": it is an index", "name one of its manifests");
        }
        var wanted = new LinkedHashMap<Path, Descriptor>();
        for (var blob : manifest.blobs()) {
            if (blob.mediaType().equals(ArtifactPush.EMPTY_TYPE)) {
                continue;
            }
            if (blob.size().compareTo(limits.layerSize()) > 0) {
                throw new CorruptContentException(
                        task.cannot() + ": blob " + blob.digest() + " is larger than the limit of "
                                + limits.layerSize(),
                        "raise ImageLimits.layerSize");
            }
            var title = blob.annotations().getOrDefault(TITLE, "");
            var name = title.isEmpty()
                    ? blob.digest().algorithm() + "-" + blob.digest().hex()
                    : title;
            if (name.length() > limits.pathLength() || !PATH.matcher(name).matches()) {
                throw new CorruptContentException(
                        task.cannot() + ": it has a file that cannot be called so",
                        Map.of("title", Shown.text(name)),
                        "");
            }
            if (wanted.put(Path.of(name), blob) != null) {
                throw new CorruptContentException(
                        task.cannot() + ": it has two files of one name", Map.of("title", Shown.text(name)), "");
            }
        }
        return wanted;
    }

    /** Makes the directories that it is in; no link of an older download may lead elsewhere. */
    private Path place(Path name) throws IOException {
        Files.createDirectories(directory);
        var at = directory;
        for (var i = 0; i < name.getNameCount() - 1; i++) {
            at = at.resolve(name.getName(i));
            if (Files.isSymbolicLink(at)) {
                throw new ConflictException(task.cannot() + ": " + at + " is a symbolic link");
            }
            Files.createDirectories(at);
        }
        return directory.resolve(name);
    }

    private void fetch(Descriptor blob, Path file) {
        var what = "blob " + blob.digest() + " of " + repository;
        try (var content = repository.blob(blob, 0, () -> {}, task);
                var hashed = new HashedContent(content, blob.digest().algorithm());
                var out = Files.newOutputStream(file)) {
            Copying.copy(hashed, out, blob.size().bytes(), task.cannot());
            content.requireEnd();
            hashed.verify(blob.digest(), what);
        } catch (IOException e) {
            throw IoFailure.of(task.cannot(), e);
        }
    }
}
