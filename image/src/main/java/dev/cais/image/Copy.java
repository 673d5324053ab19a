package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.ImageLimits;
import dev.cais.NotFoundException;
import dev.cais.ProgressEvent.Phase;
import dev.cais.RegistryException;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.registry.Repository;
import dev.cais.image.registry.Task;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

/**
 * Manifests, and all that they refer to, on their way from one repository to another, past the store. First it is found out what the
 * target lacks; then blobs travel, several at a time; then manifests, each behind what it refers to. For one thread.
 */
final class Copy {
    private static final int DEEPEST = 8;
    private static final int MOST_DOCUMENTS = 5_000;
    private static final int LARGEST_IN_ALL = 16;
    private static final List<String> COSIGN = List.of(".sig", ".att", ".sbom");

    private final Repository source;
    private final Repository target;
    private final ImageLimits limits;
    private final boolean withReferrers;
    private final int parallel;
    private final Progress progress;
    private final Task task;

    private final Set<Digest> seen = new HashSet<>();
    /** Those among what is named, at whatever depth. */
    private final Set<Digest> images = new LinkedHashSet<>();

    private final Map<Digest, Descriptor> blobs = new LinkedHashMap<>();
    private final List<Put> puts = new ArrayList<>();
    private final List<Put> tags = new ArrayList<>();
    private long documentBytes;

    /** @param withReferrers whether all that refers to what is copied goes along */
    Copy(
            Repository source,
            Repository target,
            ImageLimits limits,
            boolean withReferrers,
            int parallel,
            Progress progress,
            Task task) {
        this.source = source;
        this.target = target;
        this.limits = limits;
        this.withReferrers = withReferrers;
        this.parallel = parallel;
        this.progress = progress;
        this.task = task;
    }

    /**
     * A manifest or an index to put.
     *
     * @param reference a tag or a digest
     */
    private record Put(String reference, Repository.Document document) {}

    /**
     * A document of which all that is below is visited before itself.
     *
     * @param missing whether the target does not have it
     */
    private record Visit(Repository.Document document, boolean missing, Iterator<Descriptor> below) {}

    /**
     * Puts what a tag or a digest stands for under another one, or under its digest.
     *
     * @param approve is told which images it is or has, before anything is sent, and throws if they must not be copied
     */
    void run(Repository.Document root, String reference, Consumer<Set<Digest>> approve) {
        add(root);
        approve.accept(images.isEmpty() ? Set.of(root.digest()) : images);
        send();
        var isThere = reference.indexOf(':') < 0
                ? tagged(target, reference).equals(Optional.of(root.digest()))
                : puts.stream().noneMatch(put -> put.reference.equals(reference));
        puts.stream()
                .filter(put -> !put.document.digest().equals(root.digest()))
                .forEach(this::put);
        tags.forEach(this::put);
        if (!isThere) {
            put(new Put(reference, root));
        }
    }

    private void put(Put put) {
        target.putManifest(put.reference, put.document, task);
    }

    /** Puts several under their digests. */
    void run(List<Repository.Document> roots) {
        roots.forEach(this::add);
        send();
        puts.forEach(this::put);
        tags.forEach(this::put);
    }

    /** Finds out what is missing of a document and all below. */
    private void add(Repository.Document root) {
        var open = new ArrayDeque<>(List.of(root));
        while (!open.isEmpty()) {
            var document = open.remove();
            var fresh = visit(document, document.digest().equals(root.digest()));
            if (withReferrers) {
                for (var digest : fresh) {
                    referrersOf(digest).forEach(open::add);
                }
            }
        }
    }

    /**
     * What was seen for the first time.
     *
     * @param isNamed whether the images in it are among those to be copied, and not something that refers to them
     */
    private List<Digest> visit(Repository.Document root, boolean isNamed) {
        var fresh = new ArrayList<Digest>();
        var open = new ArrayDeque<Visit>();
        if (seen.add(root.digest())) {
            fresh.add(root.digest());
            open.push(opened(root, !target.hasManifest(root.digest(), task)));
        }
        while (!open.isEmpty()) {
            var top = open.element();
            if (!top.below.hasNext()) {
                open.remove();
                if (top.missing) {
                    puts.add(new Put(top.document.digest().toString(), top.document));
                }
                continue;
            }
            var entry = top.below.next();
            if (isNamed && MediaType.Kind.MANIFEST.is(entry) && Index.isImage(entry)) {
                images.add(entry.digest());
            }
            if (!seen.add(entry.digest())) {
                continue;
            }
            fresh.add(entry.digest());
            var isMissing = !target.hasManifest(entry.digest(), task);
            if (isMissing || MediaType.Kind.INDEX.is(entry)) {
                if (open.size() == DEEPEST) {
                    throw new CorruptContentException(
                            task.cannot() + ": its indexes are nested deeper than " + DEEPEST);
                }
                var from = isMissing ? source : target;
                open.push(opened(from.manifest(entry.digest().toString(), limits.manifestSize(), task), isMissing));
            }
        }
        return fresh;
    }

    private Visit opened(Repository.Document document, boolean missing) {
        var what = "manifest " + document.digest() + " of " + source;
        var below = JsonObject.parse(document.bytes(), what).descriptors("manifests");
        documentBytes += document.bytes().length;
        if (seen.size() + below.size() > MOST_DOCUMENTS) {
            throw new CorruptContentException(
                    task.cannot() + ": there are more than " + MOST_DOCUMENTS + " manifests in it");
        }
        if (documentBytes / LARGEST_IN_ALL > limits.manifestSize().bytes()) {
            throw new CorruptContentException(
                    task.cannot() + ": its manifests are larger in all than " + LARGEST_IN_ALL + " times the limit of "
                            + limits.manifestSize(),
                    "raise ImageLimits.manifestSize");
        }
        if (missing) {
            Manifest.contents(document.bytes(), what).stream()
                    .filter(blob -> !Push.isElsewhere(blob))
                    .forEach(blob -> blobs.putIfAbsent(blob.digest(), blob));
        }
        return new Visit(document, missing, below.iterator());
    }

    private List<Repository.Document> referrersOf(Digest digest) {
        var referrers = new ArrayList<Repository.Document>();
        for (var referrer : source.referrers(digest, limits.manifestSize(), task)) {
            if (!seen.contains(referrer.digest())) {
                referrers.add(source.manifest(referrer.digest().toString(), limits.manifestSize(), task));
            }
        }
        for (var suffix : COSIGN) {
            var tag = digest.algorithm() + "-" + digest.hex() + suffix;
            var signed = tagged(source, tag);
            if (signed.isPresent() && !tagged(target, tag).equals(signed)) {
                var document = source.manifest(signed.get().toString(), limits.manifestSize(), task);
                referrers.add(document);
                tags.add(new Put(tag, document));
            }
        }
        return referrers;
    }

    private Optional<Digest> tagged(Repository repository, String tag) {
        try {
            return repository.head(tag, task);
        } catch (NotFoundException e) {
            return Optional.empty();
        }
    }

    private void send() {
        progress.expect(blobs.values());
        var sending = new ArrayList<Callable<Boolean>>();
        blobs.values()
                .forEach(blob -> sending.add(() -> {
                    send(blob);
                    return true;
                }));
        Workers.run("cais-copy", parallel, sending, task.cannot());
    }

    private void send(Descriptor blob) {
        var told = progress.layer(blob);
        told.phase(Phase.WAITING);
        if (target.hasBlob(blob.digest(), task)) {
            told.phase(Phase.EXISTS);
            return;
        }
        told.phase(Phase.UPLOADING);
        var mountFrom = target.isBeside(source) ? Set.of(source.path()) : Set.<String>of();
        try (var relay = new Relay(source, blob, task)) {
            var isMounted = upload(blob, relay, mountFrom, told);
            told.phase(isMounted ? Phase.EXISTS : Phase.DONE);
        }
    }

    private boolean upload(Descriptor blob, Relay relay, Set<String> mountFrom, Progress.LayerProgress told) {
        try {
            return target.upload(
                    new Repository.Upload(blob, relay::open),
                    mountFrom,
                    ByteSize.UNLIMITED,
                    new Repository.UploadProgress() {
                        @Override
                        public void sent(long bytes) {
                            told.done(Phase.UPLOADING, bytes);
                        }

                        @Override
                        public void retrying() {
                            relay.failure().ifPresent(Copy::rethrow);
                            told.phase(Phase.RETRYING);
                        }
                    },
                    task);
        } catch (RegistryException e) {
            relay.failure().ifPresent(Copy::rethrow); // then the target had no fault in it
            throw e;
        }
    }

    private static void rethrow(EngineException failure) {
        throw failure;
    }
}
