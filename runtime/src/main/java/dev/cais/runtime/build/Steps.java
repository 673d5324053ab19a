package dev.cais.runtime.build;

import dev.cais.BuildEvent;
import dev.cais.BuildStep;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.Layer;
import dev.cais.image.BuiltImage;
import dev.cais.image.oci.Hash;
import dev.cais.storage.BlobWriter;
import dev.cais.storage.BuildCache;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.Store;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The steps of one build: each is found, or carried out. What they make is in use by the build until it ends. For many threads. */
final class Steps implements AutoCloseable {
    private final Store store;
    private final BuildCache cache;
    private final Caches caches;
    private final String place;
    private final Predicate<String> noCache;
    private final Optional<Instant> epoch;
    private final Consumer<BuildEvent> progress;
    private final ContainerFiles lease;
    /** By this build: without the cache, too, what stages and platforms have alike is carried out once. */
    private final Map<Digest, Made> carriedOut = new ConcurrentHashMap<>();

    /**
     * @param caches of others
     * @param place what names the Dockerfile from build to build
     * @param noCache of which stages all steps are carried out
     * @param epoch what every step's time is, if it is given
     * @param progress hears of one event at a time
     */
    Steps(
            Store store,
            Caches caches,
            String place,
            Predicate<String> noCache,
            Optional<Instant> epoch,
            Consumer<BuildEvent> progress) {
        this.store = store;
        this.caches = caches;
        this.cache = store.builds();
        this.place = place;
        this.noCache = noCache;
        this.epoch = epoch;
        this.progress = progress;
        try (var hold = store.lockShared()) {
            this.lease = store.createContainer(newId(), Hash.sha256(new byte[0]), List.of());
        }
    }

    static String newId() {
        return "build-" + java.util.UUID.randomUUID();
    }

    /** A layer, and when it was made. */
    record Made(Layer layer, Instant created) {}

    /** Takes the directory that a step has written and that becomes the layer; nothing is mounted from it. */
    interface Taker extends Consumer<Path> {
        /**
         * The same with a tar of all that is in it.
         *
         * @return the layer's diff ID
         */
        Digest accept(Path written, BlobWriter tar);

        /** What the step made the last time, if it was made in this place and of use. */
        Optional<Digest> earlier();
    }

    /** What changes files. */
    interface Work {
        void carryOut(Taker upper);
    }

    /** Keeps the layers of an image from being swept until the build ends. Hold {@link Store#lockShared()}. */
    synchronized void use(Iterable<Digest> diffIds) {
        lease.use(diffIds);
    }

    void tell(BuildEvent event) {
        progress.accept(event);
    }

    /** The time of what the build itself makes. */
    Instant now() {
        return epoch.orElseGet(() -> Instant.now().truncatedTo(ChronoUnit.SECONDS));
    }

    /** A file's own time, if it is not later than it may be. */
    Instant clamp(Instant time) {
        return epoch.filter(time::isAfter).orElse(time);
    }

    /** The time of a file of a context, whose own says when somebody made a copy of it. */
    Instant ofContext(Instant time) {
        return epoch.orElse(time);
    }

    Optional<Instant> epoch() {
        return epoch;
    }

    /**
     * Finds what a step makes, or carries it out.
     *
     * @param files that it copies, with what they hold; for telling why it is carried out
     */
    Made carryOut(BuildStep step, StepKey key, Supplier<Map<String, String>> files, Work work) {
        var digest = key.digest();
        var made = find(step, digest).orElseGet(() -> {
            try (var turn = cache.lock(digest)) {
                return find(step, digest).orElseGet(() -> make(step, key, digest, files, work));
            }
        });
        caches.trace().step(digest, key.below(), made.layer(), made.created());
        return made;
    }

    private Optional<Made> find(BuildStep step, Digest key) {
        if (noCache.test(step.stage())) {
            var again = Optional.ofNullable(carriedOut.get(key));
            again.ifPresent(made -> tell(new BuildEvent.Cached(step)));
            return again;
        }
        Optional<Made> found;
        try (var hold = store.lockShared()) {
            found = cache.find(key)
                    .map(known -> new Made(known.layer(), known.created()))
                    .or(() -> caches.find(key, step.text()));
            found.ifPresent(known -> use(List.of(known.layer().diffId())));
        }
        found.ifPresent(known -> tell(new BuildEvent.Cached(step)));
        return found.map(known -> made(known.layer(), known.created()));
    }

    private Made made(Layer layer, Instant created) {
        return new Made(layer, epoch.orElse(created));
    }

    private Made make(BuildStep step, StepKey key, Digest digest, Supplier<Map<String, String>> files, Work work) {
        var started = System.nanoTime();
        var known = files.get();
        var note = Hash.sha256((place + "\n" + step.stage() + "\n" + step.number()).getBytes(StandardCharsets.UTF_8));
        var anew = noCache.test(step.stage());
        var before = anew ? Optional.<StepKey.Note>empty() : cache.note(note).flatMap(StepKey.Note::parse);
        var why = before.map(there -> key.difference(there, known))
                .map(difference -> difference.isEmpty() ? "what it had made is gone" : difference)
                .orElse(anew ? "without the cache" : "");
        tell(new BuildEvent.Started(step, why));
        var result = new Result(digest, step.text(), before.flatMap(StepKey.Note::made));
        try {
            work.carryOut(result);
        } catch (EngineException e) {
            tell(new BuildEvent.Failed(step, since(started), String.valueOf(e.getMessage())));
            throw e;
        }
        var made = result.made.orElseThrow();
        cache.putNote(note, key.note(known, made.layer().diffId()));
        tell(new BuildEvent.Done(step, since(started), made.layer().size()));
        var done = made(made.layer(), made.created());
        carriedOut.put(digest, done);
        return done;
    }

    private static Duration since(long started) {
        return Duration.ofNanos(System.nanoTime() - started);
    }

    /** Takes the upper directory of a step that has ended well. */
    private final class Result implements Taker {
        private final Digest key;
        private final String description;
        private final Optional<Digest> earlier;
        private Optional<BuildCache.Step> made = Optional.empty();

        Result(Digest key, String description, Optional<Digest> earlier) {
            this.key = key;
            this.description = description;
            this.earlier = earlier;
        }

        @Override
        public Optional<Digest> earlier() {
            return earlier;
        }

        @Override
        public void accept(Path upper) {
            try (var blob = store.blobs().writer()) {
                LayerReading.read(upper, blob);
                var unused = accept(upper, blob);
            }
        }

        @Override
        public Digest accept(Path upper, BlobWriter tar) {
            try (var hold = store.lockShared()) {
                var size = tar.size();
                var layer = tar.commit();
                store.layers().adopt(layer, upper, size);
                var step = new BuildCache.Step(BuiltImage.layer(layer, size), now(), description);
                cache.put(key, step);
                use(List.of(layer));
                made = Optional.of(step);
                return layer;
            }
        }
    }

    @Override
    public void close() {
        lease.close();
    }
}
