package dev.cais.runtime.build;

import dev.cais.BuildContext;
import dev.cais.BuildDefinition;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.ConflictException;
import dev.cais.CorruptContentException;
import dev.cais.InvalidSpecException;
import dev.cais.StorageException;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.dockerfile.IgnoreFile;
import dev.cais.image.layer.TarTree;
import dev.cais.image.registry.Vicinity;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileSink;
import dev.cais.storage.InRoot;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The contexts of one build, by name; the build's own has none. What had to be brought here for them goes with the build. */
final class Contexts implements AutoCloseable {
    /** What BuildKit calls a context that is one file. */
    private static final String TEXT = "context";

    private static final int BUFFER = 64 * 1024;

    private final Workplace workplace;
    private final GitAccess access;
    private final Remotes remotes;
    private final BuildSpec spec;
    private final Map<String, ContextFiles> files = new LinkedHashMap<>();
    private final Map<String, Supplier<Optional<Instant>>> times = new HashMap<>();
    private final List<Provenance.Material> materials = new ArrayList<>();
    private Optional<String> dockerfile = Optional.empty();
    private final Deque<Runnable> undoing = new ArrayDeque<>();

    private Contexts(Workplace workplace, BuildSpec spec) {
        this.workplace = workplace;
        this.spec = spec;
        this.access = new GitAccess(workplace, spec);
        undoing.push(access::close);
        this.remotes = new Remotes(workplace, spec, access);
        undoing.push(remotes::close);
    }

    static Contexts open(Workplace workplace, BuildSpec spec) {
        var contexts = new Contexts(workplace, spec);
        try {
            var ignoreFiles = spec.definition() instanceof BuildDefinition.DockerfileAt file
                    ? IgnoreFile.names(file.path())
                    : List.of(IgnoreFile.USUAL);
            if (isImage(spec.context())) {
                throw new InvalidSpecException(
                        "cannot build " + spec.context() + ": an image is no context of its own",
                        "add it under a name with BuildSpec.context, and begin FROM that");
            }
            contexts.add("", spec.context(), ignoreFiles);
            spec.contexts().forEach((name, context) -> {
                if (!isImage(context)) {
                    contexts.add(name, context, List.of(IgnoreFile.USUAL));
                }
            });
            return contexts;
        } catch (RuntimeException | Error e) {
            contexts.close();
            throw e;
        }
    }

    /** Whether it is not files alone. */
    private static boolean isImage(BuildContext context) {
        return context instanceof BuildContext.OfImage || context instanceof BuildContext.Layout;
    }

    /** An image that was given as a context. */
    Optional<BuildContext> image(String name) {
        return Optional.ofNullable(spec.contexts().get(name)).filter(Contexts::isImage);
    }

    private void add(String name, BuildContext context, List<String> ignoreFiles) {
        var shown = name.isEmpty() ? "the context" : "context " + name;
        var opened = ContextFiles.open(
                context,
                directory(name, context),
                shown,
                ignoreFiles,
                workplace.host().store());
        undoing.push(opened::close);
        files.put(name, opened);
    }

    private Path directory(String name, BuildContext context) {
        if (context instanceof BuildContext.Directory directory) {
            return directory.path();
        }
        var fresh = temporary();
        if (context instanceof BuildContext.Tar tar) {
            if (fill(tar.archive(), context, fresh)) {
                times.put(name, () -> newest(fresh));
            }
        } else if (context instanceof BuildContext.Given given) {
            try (var writing = workplace.host().store().files(fresh)) {
                new GivenFiles("the context", given.files())
                        .write(writing, time -> time, (path, file) -> GivenFiles.open(file));
            } catch (BuildException | ConflictException | InvalidSpecException e) {
                throw new BuildException("cannot build " + context + ": " + e.problem(), e.facts(), e.help(), e);
            }
            times.put(name, () -> newest(fresh));
        } else if (context instanceof BuildContext.Web web) {
            var remote = new RemoteFile(
                    workplace, web.url(), Optional.empty(), Vicinity.HOST, new ServerSecrets(spec), temporary());
            try (var content = remote.content()) {
                var unused = fill(content, context, fresh);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            times.put(name, remote::time);
            materials.add(remote.material());
        } else if (context instanceof BuildContext.Git git) {
            var checkout = new GitCheckout(git, fresh, true, access, remotes.notNearerThan(git));
            var commit = checkout.commit();
            checkout.bring(commit, git.keepsData().orElseGet(BuiltInArguments.of(spec)::keepsGitData));
            times.put(name, () -> Optional.of(checkout.time()));
            materials.add(Provenance.Material.ofCommit(git.toString(), commit));
            return checkout.subdirectory();
        }
        return fresh;
    }

    private static Optional<Instant> newest(Path directory) {
        try (var all = Files.walk(directory)) {
            return all.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
                    .map(Contexts::modified)
                    .max(Comparator.naturalOrder());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Instant modified(Path file) {
        try {
            return Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).toInstant();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path temporary() {
        var directory = workplace.makeDirectory();
        undoing.push(() -> workplace.remove(directory));
        return directory;
    }

    /**
     * Unpacks an archive. What is none is a file of its own, and the Dockerfile if it is the build's own context.
     *
     * @return whether it is one
     */
    private boolean fill(InputStream content, BuildContext context, Path fresh) {
        var buffered = new BufferedInputStream(content);
        try (var writing = workplace.host().store().files(fresh)) {
            if (context instanceof BuildContext.Tar && isEmpty(buffered)) {
                throw new InvalidSpecException(
                        "cannot build " + context + ": it has nothing, or nothing more",
                        "give each build a stream of its own, since it is read once");
            }
            if (!Archives.isText(buffered)) {
                TarTree.extract(
                        buffered,
                        "the context",
                        writing,
                        new byte[0],
                        own -> own,
                        workplace.host().limits());
                return true;
            }
            try (var sink = writing.file(
                    InRoot.path(TEXT), new Attributes(0, 0, 0644, Instant.EPOCH, Instant.EPOCH, List.of()))) {
                copy(buffered, sink, context);
                sink.finish();
            }
            if (context == spec.context()) {
                dockerfile = Optional.of(TEXT);
            }
            return false;
        } catch (IOException e) {
            throw new StorageException("cannot read " + context + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    private static boolean isEmpty(InputStream content) throws IOException {
        content.mark(1);
        var first = content.read();
        content.reset();
        return first < 0;
    }

    private void copy(InputStream from, FileSink to, BuildContext context) throws IOException {
        var limit = workplace.host().limits().layerSize();
        var buffer = new byte[BUFFER];
        var size = 0L;
        for (var count = from.read(buffer); count >= 0; count = from.read(buffer)) {
            size += count;
            if (size > limit.bytes()) {
                throw new CorruptContentException(
                        "cannot read " + context + ": it has more than " + limit + ", the limit");
            }
            to.write(buffer, 0, count);
        }
    }

    /** The Dockerfile, if that is all there is. */
    Optional<String> dockerfile() {
        return dockerfile;
    }

    /** What {@code ADD} fetches. */
    Remotes remotes() {
        return remotes;
    }

    /** What was brought here: commits, files of the web. */
    List<Provenance.Material> materials() {
        return Stream.concat(materials.stream(), remotes.materials().stream()).toList();
    }

    /** Whether one was given under a name. */
    boolean has(String name) {
        return spec.contexts().containsKey(name);
    }

    /** When one was made, if that can be said: files of this host are of all times, and images say it themselves. */
    Optional<Instant> time(String name) {
        var time = times.get(name);
        return time == null ? Optional.empty() : time.get();
    }

    /** The files of one that was given and is no image. */
    ContextFiles files(String name) {
        return Objects.requireNonNull(files.get(name));
    }

    @Override
    public void close() {
        while (!undoing.isEmpty()) {
            undoing.pop().run();
        }
    }
}
