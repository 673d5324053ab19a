package dev.cais.runtime;

import dev.cais.LogStream;
import dev.cais.linux.Errno;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.runtime.log.OutputLog;

/**
 * Moves what a process writes to a pipe or a terminal to its streams. Lives on the event loop's thread.
 *
 * <p>The end of a pipe is final. A terminal's is not: when nobody has it open, reading fails with EIO, and works again once
 * somebody has. So a terminal is left alone until the kernel tells of a change.
 */
final class OutputPump {
    /** As much as the largest pipe holds, so that one read empties it. */
    static final int BUFFER = OutputLog.HEADER + (1 << 20);

    private final Fd source;
    private final LogStream stream;
    private final ProcessStreams streams;
    private final NativeMemory buffer;
    private boolean open = true;

    /**
     * @param source not blocking
     * @param buffer of {@link #BUFFER} bytes, shared by all pumps of a loop
     */
    OutputPump(Fd source, LogStream stream, ProcessStreams streams, NativeMemory buffer) {
        this.source = source;
        this.stream = stream;
        this.streams = streams;
        this.buffer = buffer;
    }

    EventLoop.Watch start(EventLoop loop) {
        return streams.terminal() ? loop.watchChanges(source, this::pumpTerminal) : loop.watch(source, this::pump);
    }

    /** Reads once. Level-triggered, so that one busy container does not keep the others waiting. */
    private void pump(EventLoop.Watch watch) {
        if (open && readOnce() == 0) {
            finish(watch);
        }
    }

    private void pumpTerminal(EventLoop.Watch watch) {
        if (open && readOnce() > 0) {
            watch.resume();
        }
    }

    /** @return bytes read; 0 at the end; the negated error number otherwise */
    private long readOnce() {
        var count = Syscalls.call(
                Syscall.READ, source.number(), buffer.address() + OutputLog.HEADER, BUFFER - OutputLog.HEADER);
        if (count > 0) {
            streams.append(stream, buffer, (int) count);
        }
        return Errno.EINTR.is(count) ? 1 : count;
    }

    /** Takes what is there now, and closes it: whoever still holds the other end is not waited for. */
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
