package dev.cais.runtime;

import dev.cais.LogStream;
import dev.cais.linux.Errno;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;

/** Moves what a process writes to one of its streams from the pipe into its log. Lives on the event loop's thread. */
final class OutputPump {
    /** As much as the largest pipe holds, so that one read empties it. */
    static final int BUFFER = LogFile.HEADER + (1 << 20);

    private final Fd pipe;
    private final LogStream stream;
    private final LogFile log;
    private final NativeMemory buffer;
    private boolean open = true;

    /**
     * @param pipe its read end, not blocking
     * @param buffer of {@link #BUFFER} bytes, shared by all pumps of a loop
     */
    OutputPump(Fd pipe, LogStream stream, LogFile log, NativeMemory buffer) {
        this.pipe = pipe;
        this.stream = stream;
        this.log = log;
        this.buffer = buffer;
    }

    EventLoop.Watch start(EventLoop loop) {
        return loop.watch(pipe, this::pump);
    }

    /** Reads once. Level-triggered, so that one busy container does not keep the others waiting. */
    private void pump(EventLoop.Watch watch) {
        if (open && readOnce() == 0) {
            finish(watch);
        }
    }

    /** @return bytes read; 0 at the end; the negated error number otherwise */
    private long readOnce() {
        var count =
                Syscalls.call(Syscall.READ, pipe.number(), buffer.address() + LogFile.HEADER, BUFFER - LogFile.HEADER);
        if (count > 0) {
            log.append(stream, buffer, (int) count);
        }
        return Errno.EINTR.is(count) ? 1 : count;
    }

    /** Takes what is in the pipe now, and closes it: whoever still holds the other end is not waited for. */
    void drain(EventLoop.Watch watch) {
        var more = open;
        while (more) {
            more = readOnce() > 0;
        }
        finish(watch);
    }

    private void finish(EventLoop.Watch watch) {
        if (open) {
            open = false;
            watch.close();
        }
    }
}
