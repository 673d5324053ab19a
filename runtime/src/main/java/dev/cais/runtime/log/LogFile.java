package dev.cais.runtime.log;

import dev.cais.LogStream;
import dev.cais.StorageException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One log on disk: a row of files, of which the newest has the plain name and grows; older ones are {@code .1}, {@code .2} and so
 * on, as Docker numbers them.
 *
 * <p>A place in the log is a number of bytes from its very beginning, whatever file holds it now: so a reader keeps its place
 * when files get new names. Each MiB a mark is kept in memory (some 40 bytes), so that the last lines and those of a time are
 * found without reading the rest. A file is made with the first record: a process that writes nothing costs nothing.
 *
 * <p>What the disk does not take is lost, counted, and warned of once; later output is tried again.
 */
final class LogFile {
    private static final Logger LOG = LoggerFactory.getLogger(LogFile.class);

    /** Bytes from one mark to the next. */
    private static final int MARK_SPACING = 1 << 20;

    private final Path path;
    private final LogFormat format;
    private final Rotation rotation;
    /** Of the newest file: on the loop's thread only, as is its size. */
    private @Nullable Fd file;

    private long fileSize;

    private final Object growth = new Object();
    private final Deque<Segment> segments = new ArrayDeque<>();
    private final ArrayList<Mark> marks = new ArrayList<>();
    private boolean rotating;
    private long size;
    private long output;
    private long latest = Long.MIN_VALUE;
    private int unfinished;
    private int begun;
    private int completed;
    private long sizeAtEndOfRun;
    private boolean ended;
    private long lost;
    private @Nullable StorageException failure;

    /** One file: its number, counted from the first one ever, and where in the log it starts. */
    private record Segment(long number, long start) {}

    /**
     * A place where a record begins.
     *
     * @param output bytes of output before it
     * @param latest time of all before it, in nanoseconds since the epoch
     * @param unfinished a bit per stream: a line of it began before
     */
    record Mark(long position, long output, long latest, int unfinished) {}

    /** Where a reader finds bytes: in that file from that offset, as long as the newest file has that number. */
    record Place(Path path, long offset, long available, long newest) {}

    /** How far a reader goes. */
    enum Extent {
        /** What is there when it begins. */
        NOW,
        /** Until the run ends that goes on when it begins, or the first one if there was none yet. */
        RUN,
        /** Over all runs, until the log is ended. */
        ALL
    }

    LogFile(Path path, LogFormat format, Rotation rotation) {
        this.path = path;
        this.format = format;
        this.rotation = rotation;
        segments.add(new Segment(0, 0));
        marks.add(new Mark(0, 0, Long.MIN_VALUE, 0));
    }

    void append(long nanos, LogStream stream, NativeMemory buffer, int length) {
        format.append(this, nanos, stream, buffer, length);
    }

    /**
     * Writes whole records.
     *
     * @param content bytes of output in them
     * @param time of the last one
     * @param streams a bit for each stream that has an unfinished line behind them
     */
    void write(long address, int length, long content, long time, int streams) {
        if (isFull(0)) {
            rotate();
        }
        var written = writeAll(address, length);
        synchronized (growth) {
            if (written) {
                if (size - marks.get(marks.size() - 1).position() >= MARK_SPACING) {
                    marks.add(new Mark(size, output, latest, unfinished));
                }
                size += length;
                output += content;
                latest = Math.max(latest, time);
                unfinished = streams;
            } else {
                lost += content;
            }
            growth.notifyAll();
        }
    }

    /** Whether the newest file takes no further record, once that many bytes are written. */
    boolean isFull(long buffered) {
        return fileSize + buffered >= rotation.maxSize();
    }

    private boolean writeAll(long address, int length) {
        var done = 0;
        while (done < length) {
            var result =
                    file == null ? open() : Syscalls.call(Syscall.WRITE, file.number(), address + done, length - done);
            if (Errno.EINTR.is(result)) {
                continue;
            }
            if (result < 0) {
                fail(Errno.of(result));
                return false;
            }
            done += (int) result;
        }
        fileSize += length;
        return true;
    }

    /** Half a record would stand before what is written later. */
    private void fail(Errno why) {
        if (file != null) {
            Syscalls.call(Syscall.FTRUNCATE, file.number(), fileSize);
        }
        StorageException first;
        synchronized (growth) {
            if (failure != null) {
                return;
            }
            first = new StorageException(
                    "cannot keep the output of a process in " + path + ": " + why,
                    Map.of("kept", output),
                    "what it wrote after that is lost; make room in the store");
            failure = first;
        }
        LOG.warn("{}", first.getMessage());
    }

    /** @return zero, or the negated error number */
    private long open() {
        try (var scratch = Scratch.frame()) {
            var result = Syscalls.call(
                    Syscall.OPENAT,
                    Abi.AT_FDCWD,
                    scratch.path(path.toString()),
                    Abi.O_WRONLY | Abi.O_CREAT | Abi.O_APPEND | Abi.O_CLOEXEC,
                    0600);
            if (result >= 0) {
                file = Fd.of(result);
                return 0;
            }
            return result;
        }
    }

    /** Gives each file the next number, the oldest one up, and starts a new one. */
    private void rotate() {
        int kept;
        synchronized (growth) {
            rotating = true;
            kept = segments.size();
        }
        closeFile();
        try (var scratch = Scratch.frame()) {
            if (rotation.maxFiles() == 1) {
                Syscalls.call(Syscall.UNLINKAT, Abi.AT_FDCWD, scratch.path(path.toString()), 0);
            }
            for (var age = Math.min(kept, rotation.maxFiles() - 1); age > 0; age--) {
                Syscalls.call(
                        Syscall.RENAMEAT2,
                        Abi.AT_FDCWD,
                        scratch.path(path(age - 1).toString()),
                        Abi.AT_FDCWD,
                        scratch.path(path(age).toString()),
                        0);
            }
        }
        fileSize = 0;
        synchronized (growth) {
            segments.addLast(new Segment(segments.getLast().number() + 1, size));
            while (segments.size() > rotation.maxFiles()) {
                segments.removeFirst();
            }
            marks.removeIf(mark -> mark.position() < segments.getFirst().start());
            if (marks.isEmpty() || marks.get(marks.size() - 1).position() < size) {
                marks.add(new Mark(size, output, latest, unfinished));
            }
            rotating = false;
            growth.notifyAll();
        }
    }

    private Path path(long age) {
        return age == 0 ? path : path.resolveSibling(path.getFileName() + "." + age);
    }

    private void closeFile() {
        if (file != null) {
            file.close();
            file = null;
        }
    }

    /** A run of the process begins: whoever follows the log waits for its output. */
    void begin() {
        synchronized (growth) {
            begun++;
        }
    }

    /** The run has ended and all its output was appended. On the appending thread. */
    void complete() {
        format.finish(this);
        closeFile();
        synchronized (growth) {
            completed = Math.max(completed + 1, begun);
            sizeAtEndOfRun = size;
            growth.notifyAll();
        }
    }

    /** There will be no further run. */
    void end() {
        synchronized (growth) {
            ended = true;
            growth.notifyAll();
        }
    }

    /** The newest file, which need not be there yet. */
    Path path() {
        return path;
    }

    /** All files, newest first. */
    List<Path> paths() {
        synchronized (growth) {
            var paths = new ArrayList<Path>();
            for (var age = 0; age < segments.size(); age++) {
                paths.add(path(age));
            }
            return paths;
        }
    }

    LogFormat format() {
        return format;
    }

    /** Bytes of output that were kept so far, rotated ones included. */
    long output() {
        synchronized (growth) {
            return output;
        }
    }

    /** Bytes of output that the disk did not take. */
    long lost() {
        synchronized (growth) {
            return lost;
        }
    }

    /** Why the disk did not take output, the first time. */
    Optional<StorageException> failure() {
        synchronized (growth) {
            return Optional.ofNullable(failure);
        }
    }

    /** Where reading may start, oldest first; at least one. */
    List<Mark> marks() {
        synchronized (growth) {
            return List.copyOf(marks);
        }
    }

    /** The end of the log at this moment. */
    long size() {
        synchronized (growth) {
            return size;
        }
    }

    /** The number of the run with whose end a reader is done that follows from now on. */
    int currentRun() {
        synchronized (growth) {
            return begun == 0 ? 1 : begun;
        }
    }

    /** The mark to go on from if what stands at a place was rotated away. */
    Optional<Mark> skipFrom(long position) {
        synchronized (growth) {
            return position < segments.getFirst().start() ? Optional.of(marks.get(0)) : Optional.empty();
        }
    }

    /** Where the bytes at a position are now: it is neither rotated away nor at the end. */
    Place place(long position) throws InterruptedException {
        synchronized (growth) {
            while (rotating) {
                growth.wait();
            }
            var newest = segments.getLast().number();
            var end = size;
            for (var each = segments.descendingIterator(); each.hasNext(); ) {
                var segment = each.next();
                if (position >= segment.start()) {
                    return new Place(
                            path(newest - segment.number()), position - segment.start(), end - position, newest);
                }
                end = segment.start();
            }
            return new Place(path(newest), 0, 0, newest);
        }
    }

    /** Whether files have the names that they had. */
    boolean holds(Place place) {
        synchronized (growth) {
            return !rotating && segments.getLast().number() == place.newest();
        }
    }

    /** What a reader waits with: says when it is closed, and when it is late enough. */
    interface Patience {
        boolean isOver();

        /** Time to wait, in milliseconds; 0 for any. */
        long milliseconds();
    }

    /**
     * Waits until there is more than a position.
     *
     * @param run with whose end the waiting ends
     * @return whether there is more
     */
    boolean awaitMore(long position, int run, Patience patience) throws InterruptedException {
        synchronized (growth) {
            while (position >= size) {
                if (completed >= run || ended || patience.isOver()) {
                    return false;
                }
                growth.wait(patience.milliseconds());
            }
            return true;
        }
    }

    /**
     * The end of a run.
     *
     * @param number counted from 1; 0 if no run has ended
     * @param size of the log then
     */
    record EndOfRun(int number, long size) {}

    /** The last one. */
    EndOfRun endOfRun() {
        synchronized (growth) {
            return new EndOfRun(completed, sizeAtEndOfRun);
        }
    }

    /** Whether there will be no further run. */
    boolean hasEnded() {
        synchronized (growth) {
            return ended;
        }
    }

    /** Lets all that wait look again. */
    void wakeUp() {
        synchronized (growth) {
            growth.notifyAll();
        }
    }
}
