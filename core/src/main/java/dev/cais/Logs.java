package dev.cais;

import java.io.InputStream;
import java.time.Instant;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What a container has written. The methods that narrow it return changed copies, as in
 * {@code web.logs().since(start).tail(10).follow().lines()}.
 *
 * <p>Each reading begins anew, and may stop anywhere: nothing has to be closed. A reader is never waited for: one that is slower than
 * the log's rotation misses what was rotated away. The driver of {@link ContainerSpec#logging} decides what there is to read; with
 * {@code none} reading throws {@link ConflictException}.
 */
public interface Logs {
    /**
     * What comes later, too, until the container has ended; if it was not started yet, until its first run has ended. A following
     * reader waits; an interruption of its thread is a {@link CancelledException}, and closing what it reads from, by any
     * thread, is the end.
     */
    Logs follow();

    /** Lines that began at that time or later. */
    Logs since(Instant time);

    /** Lines that began at that time or earlier; following ends then. */
    Logs until(Instant time);

    /** Of what is there when reading begins the last so many lines, of those that are wanted otherwise. 0 for none. */
    Logs tail(long lines);

    /** Lines of one stream. */
    Logs only(LogStream stream);

    /**
     * Lines in the order in which they were ended, without their line ends; what has no line end yet comes last. A line of more than
     * 1 MiB comes in pieces of that size.
     */
    Stream<LogLine> lines();

    /** The bytes of stdout. With {@code since}, {@code until} or {@code tail}, those of whole lines. */
    InputStream stdout();

    /** The bytes of stderr, in the same way. */
    InputStream stderr();

    /**
     * Gives the lines to a consumer, first those that are there and then each that comes, on a thread of its own, over all runs of the
     * container, until that is removed. So a consumer given at any time misses nothing; a line without an end comes when its run ends.
     * One that throws or is slow harms nobody: a line during which it throws is counted and the next one comes; removing the container
     * waits at most a second for it.
     */
    LogForwarding forward(Consumer<? super LogLine> consumer);

    /** How the log fares at this moment. */
    LogStatus status();
}
