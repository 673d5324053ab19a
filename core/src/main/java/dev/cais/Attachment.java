package dev.cais;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * The standard streams of a process in a container, as long as both want.
 *
 * <p>Each attachment has what is written from its beginning on, for itself: what one has not read yet waits for it, 256 KiB of each
 * stream in memory and the rest in the store. So a slow reader, or one that never reads, stops neither the process nor the other
 * attachments. If the store is full, the reader of what could not be kept is told by an {@link IOException} that says how much
 * it missed, and may read on.
 *
 * <p>The streams may be used and closed from any thread. A thread that is interrupted while it waits in one of them gets a
 * {@link CancelledException}, its flag stays set, and the stream can be used on. With a terminal, stdout is all that it shows and
 * stderr is at its end.
 */
public interface Attachment extends AutoCloseable {
    /**
     * What the process reads. Nothing is buffered: a write returns when the kernel has taken all of it, and waits while the
     * process does not read; a terminal also waits for the start, while a pipe takes some 64 KiB ahead. What is written by one call may be taken in parts.
     *
     * <p>Closing it is the end of file to the process. To a terminal it sends the character that means that (as a rule ctrl-D), which
     * ends a program that reads lines if nothing stands on the line yet; other attachments can go on writing.
     *
     * <p>Its methods throw {@link IOException} if the process has ended or no longer reads, or if the stream is closed.
     *
     * @throws ConflictException if the process has no standard input to write to, or this attachment is one without
     */
    OutputStream stdin();

    /** What the process writes; at its end when the process has ended and all is read, or the attachment is. */
    InputStream stdout();

    /** What it writes to stderr. */
    InputStream stderr();

    /**
     * Sets the size of its terminal, which it is told of by SIGWINCH. Before the start it is the size to begin with; the default is
     * 80 by 24.
     *
     * @param columns 1 to 65535, as {@code rows}
     * @throws ConflictException if it has no terminal, or has ended
     */
    void resize(int columns, int rows);

    /**
     * Lets go of the streams without touching the process: blocked reads and all later ones are at the end, what was not read is
     * gone. Only a standard input that is open once is closed by it. Idempotent.
     */
    void detach();

    /** Detaches. */
    @Override
    default void close() {
        detach();
    }
}
