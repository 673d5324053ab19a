package dev.cais.runtime.build;

import dev.cais.BuildCache;
import dev.cais.BuildEvent;
import dev.cais.CancelledException;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.Layer;
import dev.cais.image.BuiltImage;
import dev.cais.image.KnownSteps;
import dev.cais.image.SharedCache;
import dev.cais.image.layer.Workers;
import dev.cais.storage.Store;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * What other caches know of a build's steps, and what they are to know of it. Their layers are fetched when somebody needs the files, so a step may count as done though
 * the store has nothing of it. If the files turn out not to be had, the build begins anew and does without what promised them: {@link
 * Unavailable} says so. For many threads.
 */
final class Caches {
    private static final int MOST_AT_ONCE = 4;

    private final BuildHost host;
    private final Consumer<BuildEvent> progress;
    private final List<Source> sources = new ArrayList<>();
    private final Map<Digest, Promise> promises = new ConcurrentHashMap<>();
    /** By their layers. */
    private final Map<Digest, Base> bases = new ConcurrentHashMap<>();

    private volatile boolean outcomesCount = true;
    private volatile Trace trace = new Trace();

    /** A cache, as long as it keeps its promises. */
    private static final class Source {
        private final BuildCache name;
        private final SharedCache cache;
        private final KnownSteps known;
        private final AtomicBoolean isGood = new AtomicBoolean(true);

        Source(BuildCache name, SharedCache cache, KnownSteps known) {
            this.name = name;
            this.cache = cache;
            this.known = known;
        }
    }

    /** Files that are to be had, or were had. */
    private final class Promise {
        private final Digest key;
        private final String description;
        private final KnownSteps.Step step;
        private final Source source;
        private boolean kept;

        Promise(Digest key, String description, KnownSteps.Step step, Source source) {
            this.key = key;
            this.description = description;
            this.step = step;
            this.source = source;
        }

        synchronized void keep() {
            if (kept) {
                return;
            }
            var layer = step.layer().orElseThrow(() -> {
                outcomesCount = false;
                return new Unavailable();
            });
            var store = host.store();
            try (var hold = store.lockShared()) {
                source.cache.fetch(layer);
                remember(key, layer, step.created(), description);
                kept = true;
            } catch (CancelledException e) {
                throw e;
            } catch (EngineException e) {
                if (source.isGood.getAndSet(false)) {
                    unusable(source.name, e);
                }
                throw new Unavailable();
            }
        }
    }

    /** An image that a stage begins with, and that is a registry's until somebody wants its files. */
    private static final class Base {
        private final Runnable rest;
        private boolean brought;

        Base(Runnable rest) {
            this.rest = rest;
        }

        synchronized void bring() {
            if (!brought) {
                rest.run();
                brought = true;
            }
        }
    }

    /** The build has relied on files that are not to be had. */
    static final class Unavailable extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private Caches(BuildHost host, Consumer<BuildEvent> progress) {
        this.host = host;
        this.progress = progress;
    }

    /** Reads what the caches know. What cannot be read is told, and left out. */
    static Caches read(BuildHost host, List<BuildCache> from, Consumer<BuildEvent> progress) {
        var caches = new Caches(host, progress);
        for (var name : from) {
            var cache =
                    host.images().cache(name, event -> progress.accept(new BuildEvent.Pulling(name.toString(), event)));
            try {
                caches.sources.add(new Source(name, cache, cache.read()));
            } catch (CancelledException e) {
                throw e;
            } catch (EngineException e) {
                caches.unusable(name, e);
            }
        }
        return caches;
    }

    private void unusable(BuildCache cache, EngineException e) {
        progress.accept(new BuildEvent.CacheUnusable(cache, String.valueOf(e.getMessage())));
    }

    /** What a step has come to elsewhere; the files may not be here yet. Hold {@link Store#lockShared()} until they are in use. */
    Optional<Steps.Made> find(Digest key, String description) {
        for (var source : sources) {
            var step = source.known.steps().get(key);
            if (source.isGood.get() && step != null) {
                var here = here(step.diffId());
                if (here.isPresent()) {
                    remember(key, here.get(), step.created(), description);
                    return Optional.of(new Steps.Made(here.get(), step.created()));
                } else if (step.layer().isPresent() || outcomesCount) {
                    promises.put(step.diffId(), new Promise(key, description, step, source));
                    return Optional.of(new Steps.Made(
                            step.layer().orElseGet(() -> BuiltImage.layer(step.diffId(), 0)), step.created()));
                }
            }
        }
        return Optional.empty();
    }

    private void remember(Digest key, Layer layer, Instant created, String description) {
        host.store().builds().put(key, new dev.cais.storage.BuildCache.Step(layer, created, description));
    }

    /** A layer that this store has made itself. */
    private Optional<Layer> here(Digest diffId) {
        var store = host.store();
        return store.layers().find(diffId).isPresent()
                        && store.blobs().find(diffId).isPresent()
                ? Optional.of(BuiltImage.layer(diffId, store.blobs().size(diffId)))
                : Optional.empty();
    }

    /** What was found out of files elsewhere. */
    Optional<Digest> note(Digest asked) {
        return sources.stream()
                .filter(source -> source.isGood.get())
                .flatMap(source -> Optional.ofNullable(source.known.notes().get(asked)).stream())
                .findFirst();
    }

    /**
     * Layers of an image that are brought when they are required; one without any is brought now.
     *
     * @param rest brings them all
     */
    void expect(List<Layer> layers, Runnable rest) {
        var base = new Base(rest);
        layers.forEach(layer -> bases.put(layer.diffId(), base));
        if (layers.isEmpty()) {
            base.bring();
        }
    }

    /**
     * Sees that the files of layers are here.
     *
     * @throws Unavailable if they are not to be had
     */
    void require(List<Digest> diffIds) {
        var fetching = new ArrayList<Callable<Digest>>();
        diffIds.stream()
                .flatMap(diffId -> Optional.ofNullable(bases.get(diffId)).stream())
                .distinct()
                .forEach(Base::bring);
        for (var diffId : Set.copyOf(diffIds)) {
            var promise = promises.get(diffId);
            if (promise != null) {
                fetching.add(() -> {
                    promise.keep();
                    return diffId;
                });
            }
        }
        Workers.run("cais-cache", MOST_AT_ONCE, fetching, "cannot fetch layers of a build cache");
    }

    /** Before the next try: what was promised is found anew. */
    void beginAnew() {
        promises.clear();
        trace = new Trace();
    }

    /** What this build has come to so far. */
    Trace trace() {
        return trace;
    }

    /** An image with what the build has come to in it, if it is wanted there. */
    BuiltImage inline(List<BuildCache> to, BuiltImage image) {
        return to.stream().anyMatch(BuildCache.Inline.class::isInstance)
                ? image.withCache(trace.known(layer -> true))
                : image;
    }

    /**
     * Leaves what the build has come to where the spec says.
     *
     * @param layers of the image
     */
    void export(List<BuildCache> to, List<Layer> layers) {
        for (var name : to) {
            try {
                mode(name).ifPresent(mode -> export(name, mode, layers));
            } catch (CancelledException e) {
                throw e;
            } catch (EngineException e) {
                if (!(name instanceof BuildCache.GitHubActions cache && cache.ignoreError())) {
                    throw e;
                }
                unusable(name, e);
            }
        }
    }

    /** Empty for an inline cache, which its image has. */
    private static Optional<BuildCache.Mode> mode(BuildCache cache) {
        if (cache instanceof BuildCache.Registry registry) {
            return Optional.of(registry.mode());
        } else if (cache instanceof BuildCache.Directory directory) {
            return Optional.of(directory.mode());
        }
        return cache instanceof BuildCache.GitHubActions actions ? Optional.of(actions.mode()) : Optional.empty();
    }

    private void export(BuildCache to, BuildCache.Mode mode, List<Layer> layers) {
        var known = mode == BuildCache.Mode.MAX
                ? trace.known(this::isToBeHad)
                : trace.known(layer -> layers.contains(layer));
        host.images().cache(to, event -> {}).write(known, trace.layers(), layer -> require(List.of(layer.diffId())));
    }

    /** Whether the files are here, or to be had. */
    private boolean isToBeHad(Layer layer) {
        var promise = promises.get(layer.diffId());
        return promise == null || promise.step.layer().isPresent();
    }

    /** Steps and notes of a build, for others. For many threads. */
    static final class Trace {
        private final Map<Digest, KnownSteps.Step> steps = new HashMap<>();
        private final Map<Digest, Digest> notes = new HashMap<>();
        private final Set<Layer> layers = new HashSet<>();

        synchronized void step(Digest key, List<Layer> below, Layer layer, Instant created) {
            var diffIds = below.stream().map(Layer::diffId).toList();
            steps.put(key, new KnownSteps.Step(diffIds, layer.diffId(), Optional.of(layer), created));
            layers.addAll(below);
            layers.add(layer);
        }

        synchronized void note(Digest asked, Digest found) {
            notes.put(asked, found);
        }

        /** @param given tells which layers are given away */
        synchronized KnownSteps known(Predicate<Layer> given) {
            var diffIds = layers.stream().filter(given).map(Layer::diffId).collect(Collectors.toSet());
            return new KnownSteps(steps, notes).only(diffIds);
        }

        synchronized Set<Layer> layers() {
            return Set.copyOf(layers);
        }
    }
}
