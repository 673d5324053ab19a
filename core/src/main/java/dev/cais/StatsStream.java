package dev.cais;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Measurements of one container at a steady pace, made by whoever reads them. */
final class StatsStream extends Spliterators.AbstractSpliterator<Stats> {
    private final Container container;
    private final long interval;
    private Optional<Stats> first;
    private long due;

    private StatsStream(Container container, Duration interval) {
        super(Long.MAX_VALUE, Spliterator.ORDERED | Spliterator.NONNULL);
        this.container = container;
        this.interval = TimeUnit.NANOSECONDS.convert(interval);
        this.first = Optional.of(container.stats());
        this.due = System.nanoTime() + this.interval;
    }

    static Stream<Stats> of(Container container, Duration interval) {
        if (interval.isNegative() || interval.isZero()) {
            throw new InvalidSpecException("cannot measure container " + container.name() + " every " + interval
                    + ": the interval is not positive");
        }
        return StreamSupport.stream(new StatsStream(container, interval), false);
    }

    @Override
    public boolean tryAdvance(Consumer<? super Stats> reader) {
        if (first.isPresent()) {
            var measured = first.get();
            first = Optional.empty();
            reader.accept(measured);
            return true;
        }
        if (hasEndedBeforeDue()) {
            return false;
        }
        // one who reads slowly gets no measurements in a burst
        due = Math.max(due + interval, System.nanoTime());
        Stats measured;
        try {
            measured = container.stats();
        } catch (ConflictException e) {
            return false;
        }
        reader.accept(measured);
        return true;
    }

    private boolean hasEndedBeforeDue() {
        var left = due - System.nanoTime();
        try {
            container.onExit().get(Math.max(0, left), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException(
                    "cannot go on measuring container " + container.name() + ": the thread was interrupted",
                    Map.of(),
                    "",
                    e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }
}
