package dev.cais.image;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ProgressEvent;
import dev.cais.ProgressEvent.Phase;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells somebody how far layers have come, in a thread of its own: a listener that is slow or throws harms nobody. Of several
 * steps of one layer in one phase that wait for the listener, the last one counts.
 */
final class Progress implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Progress.class);
    private static final Duration STEP = Duration.ofMillis(50);
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final Consumer<ProgressEvent> listener;
    private final Map<Digest, LayerProgress> layers = new LinkedHashMap<>();
    private final Map<Key, ProgressEvent> waiting = new LinkedHashMap<>();
    private long allSize;
    private long allDone;
    private @Nullable Thread teller;
    private boolean isTelling;
    private boolean closed;

    private record Key(Digest layer, Phase phase) {}

    Progress(Consumer<ProgressEvent> listener) {
        this.listener = listener;
    }

    /** Says which layers there are; before anything is told of them. */
    synchronized void expect(Collection<Descriptor> expected) {
        for (var layer : expected) {
            if (!layers.containsKey(layer.digest())) {
                layers.put(layer.digest(), new LayerProgress(layer));
                allSize += layer.size().bytes();
            }
        }
    }

    /** One that was expected. */
    synchronized LayerProgress layer(Descriptor layer) {
        var known = layers.get(layer.digest());
        if (known == null) {
            throw new IllegalArgumentException("layer " + layer.digest() + " was not expected");
        }
        return known;
    }

    /** How far one layer has come. */
    final class LayerProgress {
        private final Descriptor layer;
        private long done;
        private long lastTold = System.nanoTime() - STEP.toNanos();

        private LayerProgress(Descriptor layer) {
            this.layer = layer;
        }

        void phase(Phase phase) {
            synchronized (Progress.this) {
                if (phase == Phase.DONE || phase == Phase.EXISTS) {
                    count(layer.size().bytes());
                }
                tell(this, phase);
            }
        }

        /** @param bytes that are done now, in all */
        void done(Phase phase, long bytes) {
            synchronized (Progress.this) {
                count(bytes);
                if (System.nanoTime() - lastTold >= STEP.toNanos()) {
                    tell(this, phase);
                }
            }
        }

        private void count(long bytes) {
            allDone += bytes - done;
            done = bytes;
        }
    }

    private void tell(LayerProgress progress, Phase phase) {
        if (closed) {
            return;
        }
        progress.lastTold = System.nanoTime();
        var layer = progress.layer;
        var key = new Key(layer.digest(), phase);
        waiting.remove(key); // to stand behind what came meanwhile
        waiting.put(
                key,
                new ProgressEvent(
                        layer.digest(),
                        phase,
                        ByteSize.bytes(progress.done),
                        layer.size(),
                        ByteSize.bytes(allDone),
                        ByteSize.bytes(allSize)));
        if (teller == null) {
            teller = new Thread(this::run, "cais-progress");
            teller.setDaemon(true);
            teller.start();
        }
        notifyAll();
    }

    private void run() {
        try {
            for (var event = next(); event != null; event = next()) {
                listener.accept(event);
            }
        } catch (InterruptedException e) {
            return; // the listener's doing
        } catch (RuntimeException e) {
            LOG.warn("a listener to progress has failed and is not called again", e);
        } finally {
            end();
        }
    }

    private synchronized @Nullable ProgressEvent next() throws InterruptedException {
        isTelling = false;
        notifyAll();
        while (waiting.isEmpty()) {
            if (closed) {
                return null;
            }
            wait();
        }
        isTelling = true;
        var first = waiting.entrySet().iterator();
        var event = first.next().getValue();
        first.remove();
        return event;
    }

    private synchronized void end() {
        closed = true;
        waiting.clear();
        isTelling = false;
        notifyAll();
    }

    /** Waits a second for the listener to hear the last; what it is still busy with then, it hears later. */
    @Override
    public synchronized void close() {
        closed = true;
        notifyAll();
        var end = System.nanoTime() + LAST_WORDS.toNanos();
        var interrupted = false;
        while ((!waiting.isEmpty() || isTelling) && Thread.currentThread() != teller) {
            var left = (end - System.nanoTime()) / 1_000_000;
            if (left <= 0 || interrupted) {
                break;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
