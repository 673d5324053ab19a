package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.Event;
import dev.cais.EventAction;
import dev.cais.EventFilter;
import dev.cais.EventListener;
import dev.cais.EventType;
import dev.cais.Events;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The events of one engine. Telling of one takes moments and never waits for a listener, so that it may be done on the event loop's
 * thread and under a container's lock.
 */
final class LocalEvents implements Events, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(LocalEvents.class);

    private final Executor workers;
    private final ArrayDeque<Event> past = new ArrayDeque<>();
    private final List<Queue> queues = new CopyOnWriteArrayList<>();
    private Instant last = Instant.MIN;
    private boolean closed;

    /** @param workers call listeners */
    LocalEvents(Executor workers) {
        this.workers = workers;
    }

    /** Something has happened, just now. */
    synchronized void tell(EventType type, EventAction action, String id, Map<String, String> attributes) {
        var now = Instant.now();
        last = now.isBefore(last) ? last : now; // the clock may be set back
        var event = new Event(last, type, action, id, attributes);
        if (past.size() == MEMORY) {
            past.remove();
        }
        past.add(event);
        queues.forEach(queue -> queue.offer(event));
    }

    @Override
    public synchronized List<Event> past(EventFilter filter) {
        return past.stream().filter(filter::matches).toList();
    }

    @Override
    public Stream follow(EventFilter filter) {
        return add(new Following(filter));
    }

    @Override
    public Listening listen(EventFilter filter, EventListener listener) {
        return add(new Calling(filter, listener));
    }

    private synchronized <T extends Queue> T add(T queue) {
        if (queue.filter.since().isPresent()) {
            past.forEach(queue::offer);
        }
        if (closed) {
            queue.end();
        } else {
            queues.add(queue);
        }
        return queue;
    }

    /** No more will come; who follows sees the end after what there is. */
    @Override
    public synchronized void close() {
        closed = true;
        queues.forEach(Queue::end);
        queues.clear();
    }

    /** What waits for one listener. Guarded by its own lock, which is held for moments. */
    private abstract class Queue implements Listening {
        final EventFilter filter;
        final ArrayDeque<Event> waiting = new ArrayDeque<>();
        long missed;
        boolean ended;

        Queue(EventFilter filter) {
            this.filter = filter;
        }

        synchronized void offer(Event event) {
            if (ended || !filter.matches(event)) {
                return;
            }
            if (waiting.size() == QUEUE) {
                waiting.remove();
                missed++;
            }
            waiting.add(event);
            added();
        }

        synchronized void end() {
            ended = true;
            added();
        }

        /** Under the lock: there is something new to see. */
        abstract void added();

        @Override
        public synchronized long missed() {
            return missed;
        }

        @Override
        public void close() {
            queues.remove(this);
            synchronized (this) {
                waiting.clear();
                end();
            }
        }
    }

    private final class Following extends Queue implements Stream {
        Following(EventFilter filter) {
            super(filter);
        }

        @Override
        void added() {
            notifyAll();
        }

        @Override
        public Optional<Event> next() {
            return next(Optional.empty());
        }

        @Override
        public Optional<Event> next(Duration timeout) {
            return next(Optional.of(timeout));
        }

        private synchronized Optional<Event> next(Optional<Duration> timeout) {
            var patience = timeout.map(time -> System.nanoTime() + TimeUnit.NANOSECONDS.convert(time));
            while (waiting.isEmpty() && !ended) {
                var untilEnd = filter.until().map(end -> nanosUntil(end));
                var left = patience.map(time -> time - System.nanoTime());
                var least = left.isPresent() && untilEnd.isPresent()
                        ? Optional.of(Math.min(left.get(), untilEnd.get()))
                        : left.or(() -> untilEnd);
                if (least.isPresent() && least.get() <= 0) {
                    break;
                }
                try {
                    var nanos = least.orElse(0L);
                    wait(nanos / 1_000_000, (int) (nanos % 1_000_000));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw new CancelledException(
                            "cannot go on waiting for events: the thread was interrupted", Map.of(), "", e);
                }
            }
            return Optional.ofNullable(waiting.poll());
        }

        private static long nanosUntil(Instant end) {
            return TimeUnit.NANOSECONDS.convert(Duration.between(Instant.now(), end));
        }

        @Override
        public java.util.stream.Stream<Event> stream() {
            return java.util.stream.Stream.generate(this::next)
                    .takeWhile(Optional::isPresent)
                    .map(Optional::get);
        }
    }

    /** Calls its listener on a worker, one after the other; while nothing happens, there is no thread. */
    private final class Calling extends Queue {
        private final EventListener listener;
        private boolean busy;
        private long told;

        Calling(EventFilter filter, EventListener listener) {
            super(filter);
            this.listener = listener;
        }

        @Override
        void added() {
            if (!busy && !waiting.isEmpty()) {
                busy = true;
                workers.execute(this::drain);
            }
        }

        private void drain() {
            while (true) {
                Event event;
                long dropped;
                synchronized (this) {
                    if (waiting.isEmpty()) {
                        busy = false;
                        return;
                    }
                    event = waiting.remove();
                    dropped = missed - told;
                    told = missed;
                }
                try {
                    if (dropped > 0) {
                        listener.missed(dropped);
                    }
                    listener.event(event);
                } catch (RuntimeException e) {
                    LOG.warn("a listener failed with an event, and gets the next one", e);
                }
            }
        }
    }
}
