package dev.cais.image;

import dev.cais.CorruptContentException;
import dev.cais.Damage;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.TimedOutException;
import dev.cais.image.archive.Copying;
import dev.cais.image.archive.HashedContent;
import dev.cais.image.layer.LayerSource;
import dev.cais.image.layer.LayerUnpacker;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.ContainerUse;
import dev.cais.storage.Store;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;

/** One look at all that images need, and its repair. For one thread, once. */
final class Verification {
    private static final String MISSING = "it is missing";

    private final Store store;
    private final LayerUnpacker unpacker;
    private final ImageDatabase database;
    private final StoredDocuments documents;
    private final Sweep sweep;
    private final Optional<Origin> origin;
    private final Map<Part, Finding> findings = new LinkedHashMap<>();

    /** @param origin what to repair from; empty for looking only */
    Verification(ImageStore images, Optional<Origin> origin) {
        this.unpacker = new LayerUnpacker(images.store().layers(), images.limits());
        this.store = images.store();
        this.database = images.database();
        this.documents = images.documents();
        this.sweep = images.sweep();
        this.origin = origin;
    }

    /** Something to look at once, though many images need it. */
    private record Part(Damage.Kind kind, Digest digest) {}

    /** What the look showed. */
    private static final class Finding {
        private final Optional<String> problem;
        private final Set<Digest> images = new LinkedHashSet<>();
        private Damage.Outcome outcome = Damage.Outcome.FOUND;
        private Optional<EngineException> failure = Optional.empty();

        Finding(Optional<String> problem) {
            this.problem = problem;
        }

        boolean isWhole() {
            return problem.isEmpty();
        }

        /** Whether it was whole, or is whole again. */
        boolean isUsable() {
            return isWhole() || outcome == Damage.Outcome.REPAIRED;
        }

        /** With why it could not be fetched again. */
        String shown() {
            return problem.orElseThrow()
                    + failure.map(why -> "; " + why.getMessage()).orElse("");
        }
    }

    List<Damage> run() {
        var before = database.read();
        before.images().forEach((id, editions) -> look(before, id, editions));
        before.names().values().forEach(named -> lookAtIndex(before, named));
        if (origin.isPresent()) {
            takeAwayBlobs();
            takeAwayImages();
            takeAwayIndexes();
            sweep.run();
        }
        return findings.entrySet().stream()
                .filter(entry -> !entry.getValue().isWhole())
                .map(entry -> damage(before, entry.getKey(), entry.getValue()))
                .toList();
    }

    private static Damage damage(ImageTable table, Part part, Finding finding) {
        var images =
                finding.images.stream().flatMap(id -> shown(table, id).stream()).toList();
        return new Damage(part.kind, part.digest, finding.shown(), images, finding.outcome);
    }

    private static List<String> shown(ImageTable table, Digest id) {
        var names = table.namesOf(id).stream().map(ImageReference::toString).toList();
        return names.isEmpty() ? List.of(id.toString()) : names;
    }

    /** The manifests first: they say how to fetch the configuration. */
    private void look(ImageTable table, Digest id, List<Edition> editions) {
        var name = shown(table, id).get(0);
        var readable = new ArrayList<Edition>();
        for (var edition : editions) {
            var manifest = edition.manifest();
            var finding = find(
                    Damage.Kind.MANIFEST,
                    manifest,
                    id,
                    again(edition, (from, source) -> from.manifest(manifest, source, from.task(name))));
            if (finding.isUsable()) {
                readable.add(edition);
            }
        }
        var configuration = readable.stream()
                .map(edition -> again(
                        edition,
                        (from, source) -> from.configuration(
                                documents.manifest(edition.manifest()).config(), source, from.task(name))))
                .flatMap(Optional::stream)
                .findFirst();
        if (!find(Damage.Kind.CONFIGURATION, id, id, configuration).isUsable()) {
            return;
        }
        for (var edition : readable) {
            lookAtLayers(name, id, edition);
        }
    }

    private void lookAtLayers(String name, Digest id, Edition edition) {
        var diffIds = documents.configuration(id).diffIds();
        var blobs = documents.manifest(edition.manifest()).layers();
        for (var i = 0; i < blobs.size(); i++) {
            var blob = blobs.get(i);
            var diffId = diffIds.get(i);
            var finding = find(
                    Damage.Kind.BLOB,
                    blob.digest(),
                    id,
                    again(edition, (from, source) -> from.layer(blob, diffId, source, from.task(name))));
            if (finding.isUsable()) {
                lookAtLayer(diffId, blob.digest(), id);
            }
        }
    }

    /** The index itself must be there, and of what is in it the images that the store says it has; all else may have been left out. */
    private void lookAtIndex(ImageTable table, NamedImage named) {
        var open = new ArrayDeque<Digest>();
        named.index().ifPresent(open::add);
        var edition = table.edition(named.id(), named.manifest());
        var name = shown(table, named.id()).get(0);
        var seen = new HashSet<Digest>();
        while (!open.isEmpty()) {
            var digest = open.remove();
            var finding = find(
                    Damage.Kind.INDEX,
                    digest,
                    named.id(),
                    edition.flatMap(
                            known -> again(known, (from, source) -> from.manifest(digest, source, from.task(name)))));
            if (!finding.isUsable()) {
                continue;
            }
            for (var part : parts(digest)) {
                var isKnown = !seen.add(part.digest())
                        || findings.containsKey(new Part(Damage.Kind.MANIFEST, part.digest()))
                        || !documents.has(part.digest());
                if (!isKnown && (MediaType.Kind.INDEX.is(part) || MediaType.Kind.MANIFEST.is(part))) {
                    open.add(part.digest());
                } else if (!isKnown) {
                    find(
                            Damage.Kind.INDEX,
                            part.digest(),
                            named.id(),
                            edition.flatMap(known ->
                                    again(known, (from, source) -> from.configuration(part, source, from.task(name)))));
                }
            }
        }
    }

    /** What an index has, or else what a manifest of something that is no image has. */
    private List<Descriptor> parts(Digest document) {
        return Index.is(documents.bytes(document), "document " + document + " of the store")
                ? documents.index(document).manifests()
                : documents.contents(document);
    }

    /** How to fetch something again, if there is a place to fetch it from and it is to be repaired. */
    private Optional<Runnable> again(Edition edition, BiConsumer<Origin, ImageReference> fetch) {
        return origin.flatMap(from -> edition.source().map(source -> () -> fetch.accept(from, source)));
    }

    private Finding find(Damage.Kind kind, Digest digest, Digest image, Optional<Runnable> again) {
        var finding = findings.computeIfAbsent(new Part(kind, digest), part -> new Finding(problem(digest)));
        finding.images.add(image);
        if (!finding.isUsable() && finding.failure.isEmpty() && again.isPresent()) {
            try {
                again.get().run();
                finding.outcome = Damage.Outcome.REPAIRED;
            } catch (RegistryException | NotFoundException | CorruptContentException | TimedOutException e) {
                finding.failure = Optional.of(e);
            }
        }
        return finding;
    }

    private Optional<String> problem(Digest digest) {
        var hold = store.lockShared();
        try (hold) {
            if (store.blobs().find(digest).isEmpty()) {
                return Optional.of(MISSING);
            }
            try (var content = new HashedContent(store.blobs().open(digest), digest.algorithm())) {
                Copying.copy(content, OutputStream.nullOutputStream(), Long.MAX_VALUE, "cannot verify " + digest);
                return content.digest().equals(digest)
                        ? Optional.empty()
                        : Optional.of("its content has another digest");
            }
        } catch (IOException e) {
            return Optional.of("it cannot be read: " + e.getMessage());
        }
    }

    private void lookAtLayer(Digest diffId, Digest blob, Digest image) {
        var part = new Part(Damage.Kind.LAYER, diffId);
        var known = findings.get(part);
        if (known == null) {
            known = compare(new LayerSource(diffId, () -> store.blobs().open(blob)));
            findings.put(part, known);
        }
        known.images.add(image);
    }

    private Finding compare(LayerSource layer) {
        var hold = store.lockShared();
        try (hold) {
            if (store.layers().find(layer.diffId()).isEmpty()) {
                var finding = new Finding(Optional.of(MISSING));
                if (origin.isPresent()) {
                    unpacker.unpack(layer);
                    finding.outcome = Damage.Outcome.REPAIRED;
                }
                return finding;
            }
        }
        var sharing = store.lockShared();
        try (sharing;
                var check = unpacker.check(layer)) {
            var finding = new Finding(check.difference().map(path -> path + " differs"));
            if (origin.isPresent() && !finding.isWhole()) {
                sharing.close();
                finding.outcome = ifUnused(layer.diffId(), check::replace);
            }
            return finding;
        } catch (EngineException e) {
            return new Finding(Optional.of("it cannot be unpacked: " + e.getMessage()));
        }
    }

    /** A layer that a container is mounted on stays as it is: the kernel does not expect it to change. */
    private Damage.Outcome ifUnused(Digest diffId, Runnable change) {
        var hold = store.lockExclusive();
        try (hold) {
            if (store.uses().stream().anyMatch(use -> use.layers().contains(diffId))) {
                return Damage.Outcome.IN_USE;
            }
            if (store.layers().find(diffId).isPresent()) {
                change.run();
            }
            return Damage.Outcome.REPAIRED;
        }
    }

    /** What is in no container's way: running ones have the unpacked files. */
    private void takeAwayBlobs() {
        var hold = store.lockExclusive();
        try (hold) {
            findings.forEach((part, finding) -> {
                if (part.kind == Damage.Kind.BLOB && !finding.isUsable()) {
                    store.blobs().delete(part.digest);
                    finding.outcome = Damage.Outcome.REMOVED;
                }
            });
        }
    }

    private void takeAwayImages() {
        var hold = store.lockExclusive();
        try (hold) {
            var used = new HashSet<Digest>();
            store.uses().stream().flatMap(ContainerUse::images).forEach(used::add);
            findings.forEach((part, finding) -> {
                var isDocument = part.kind == Damage.Kind.CONFIGURATION || part.kind == Damage.Kind.MANIFEST;
                if (isDocument && !finding.isUsable()) {
                    finding.outcome = finding.images.stream().anyMatch(used::contains)
                            ? Damage.Outcome.IN_USE
                            : takeAway(part.digest, finding.images);
                }
            });
        }
    }

    private void takeAwayIndexes() {
        var hold = store.lockExclusive();
        try (hold) {
            findings.forEach((part, finding) -> {
                if (part.kind == Damage.Kind.INDEX && !finding.isUsable()) {
                    sweep.expect();
                    database.change(table -> table.withoutIndex(part.digest));
                    store.blobs().delete(part.digest);
                    finding.outcome = Damage.Outcome.REMOVED;
                }
            });
        }
    }

    private Damage.Outcome takeAway(Digest document, Set<Digest> images) {
        sweep.expect();
        database.change(table -> {
            var left = table;
            for (var id : images) {
                left = left.without(id);
            }
            return left;
        });
        store.blobs().delete(document);
        return Damage.Outcome.REMOVED;
    }
}
