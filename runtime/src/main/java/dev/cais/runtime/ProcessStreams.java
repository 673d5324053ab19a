package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.ConflictException;
import dev.cais.ContainerSpec.Stdin;
import dev.cais.InvalidSpecException;
import dev.cais.LogStream;
import dev.cais.linux.Abi;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Pipe;
import dev.cais.linux.Statx;
import dev.cais.runtime.log.OutputLog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The standard streams of one process, from before its start until after its end: its log, and those who are attached.
 *
 * <p>What the process writes comes from the event loop; the lock makes the log and all attachments change together.
 */
final class ProcessStreams {
    private static final int MOST_COLUMNS = 65535;

    private final String what;
    private final boolean terminal;
    private final Stdin stdin;
    private final Path directory;
    private final @Nullable OutputLog log;
    private final ProcessInput input;
    private final Users users;
    private final List<LocalAttachment> attachments = new ArrayList<>();
    /** Of the process, until it is started. */
    private @Nullable Fd readEnd;

    private int columns = 80;
    private int rows = 24;
    private boolean connected;
    private boolean ended;

    /** Is told of what those who are attached do. Must not block. */
    interface Users {
        /** Nobody is told. */
        Users UNTOLD = new Users() {};

        /** One has let go before the end. */
        default void detached() {}

        /** The terminal has another size. */
        default void resized(int columns, int rows) {}
    }

    /**
     * @param what as in {@code container web}
     * @param directory for what attachments have not read yet
     * @param log of what is written, completed with the end; or nothing
     */
    ProcessStreams(
            EventLoop loop,
            String what,
            boolean terminal,
            Stdin stdin,
            Path directory,
            @Nullable OutputLog log,
            Users users) {
        this.users = users;
        this.what = what;
        this.terminal = terminal;
        this.stdin = stdin;
        this.directory = directory;
        this.log = log;
        this.input = new ProcessInput(loop, what);
    }

    // ---- the start

    /** What the launch program makes descriptors 0, 1 and 2 of, if there are no bytes for 0. */
    synchronized Stdio stdio() {
        return terminal ? new Stdio.Terminal(columns, rows) : new Stdio.Given(stdin != Stdin.NONE);
    }

    /** The end of its standard input for the process that is being started; stays ours to close. */
    synchronized Optional<Fd> readEnd() {
        return Optional.ofNullable(preparePipe());
    }

    /** A pipe is there before its process, so that the first bytes can be written ahead. */
    private @Nullable Fd preparePipe() {
        if (readEnd == null && !terminal && stdin != Stdin.NONE && !connected && !ended) {
            var pipe = Pipe.create().nonBlockingWrites();
            readEnd = pipe.readEnd();
            input.open(pipe.writeEnd(), false);
        }
        return readEnd;
    }

    /** What comes from now on is the process's output. */
    void begin() {
        if (log != null) {
            log.begin();
        }
    }

    /** The process has been started. */
    synchronized void connected() {
        connected = true;
        if (readEnd != null) {
            readEnd.close();
            readEnd = null;
        }
    }

    /**
     * The process has opened its terminal.
     *
     * @param master checked here, since it comes from inside the container; the caller's to close
     */
    void requireTerminal(Fd master) {
        var status = new Statx();
        if (status.of(master.number()) < 0
                || status.type() != Abi.S_IFCHR
                || status.rdevMajor() != 5
                || status.rdevMinor() != 2) {
            throw new ConflictException(
                    "cannot open a terminal for " + what + ": /dev/pts/ptmx in the container is another file");
        }
    }

    /** The terminal of the process that is being started. */
    synchronized void connect(Fd master) {
        input.open(master.duplicate(), true);
        input.resize(columns, rows);
    }

    // ---- on the loop's thread

    /** @param buffer {@link OutputLog#HEADER} free bytes, then the content */
    synchronized void append(LogStream stream, NativeMemory buffer, int count) {
        for (var attachment : attachments) {
            attachment.unread(stream).append(buffer, OutputLog.HEADER, count);
        }
        if (log != null) {
            log.append(stream, buffer, count);
        }
    }

    /** The process has ended and all of its output is here. */
    synchronized void ended() {
        if (!ended) {
            ended = true;
            attachments.forEach(LocalAttachment::end);
            attachments.clear();
            input.close();
            connected();
            if (log != null) {
                log.complete();
            }
        }
    }

    /** Whether a process has had them. */
    synchronized boolean areUsed() {
        return connected;
    }

    // ---- attachments

    synchronized LocalAttachment attach(AttachOptions options) {
        var attachment = new LocalAttachment(this, options, directory, options.logs() ? log : null);
        if (ended) {
            attachment.end();
        } else {
            if (options.stdin()) {
                preparePipe();
            }
            attachments.add(attachment);
        }
        return attachment;
    }

    synchronized void detach(LocalAttachment attachment) {
        var was = attachments.remove(attachment);
        if (was) {
            users.detached();
        }
        if (was && stdin == Stdin.ONCE && attachment.holdsStdin()) {
            input.end();
        }
        input.wake();
    }

    ProcessInput input() {
        return input;
    }

    /** @throws ConflictException if the process has no standard input that can be written */
    void requireInput() {
        if (stdin == Stdin.NONE) {
            throw new ConflictException(
                    "cannot write to the stdin of " + what + ": it has none", "say openStdin() in its spec");
        }
    }

    synchronized void resize(int newColumns, int newRows) {
        if (newColumns < 1 || newRows < 1 || newColumns > MOST_COLUMNS || newRows > MOST_COLUMNS) {
            throw new InvalidSpecException("cannot make a terminal of " + newColumns + " columns and " + newRows
                    + " rows: each is a number from 1 to " + MOST_COLUMNS);
        }
        if (!terminal) {
            throw new ConflictException(
                    "cannot resize the terminal of " + what + ": it has none", "say tty() in its spec");
        }
        if (connected || ended) {
            input.resize(newColumns, newRows);
        }
        columns = newColumns;
        rows = newRows;
        users.resized(newColumns, newRows);
    }

    boolean terminal() {
        return terminal;
    }

    String what() {
        return what;
    }
}
