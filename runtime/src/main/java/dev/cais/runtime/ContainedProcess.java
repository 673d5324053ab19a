package dev.cais.runtime;

import dev.cais.ExitStatus;
import dev.cais.LogStream;
import dev.cais.linux.EventLoop;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Pidfd;
import dev.cais.linux.Signal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process inside a container, from the execution of its program to its end: what it writes goes to its log, its end
 * completes a future. The event loop does both.
 */
final class ContainedProcess implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ContainedProcess.class);

    private final Pidfd pidfd;
    private final int hostPid;
    private final ProcessStreams streams;
    private final Instant startedAt = Instant.now();
    private final CompletableFuture<ExitStatus> exit = new CompletableFuture<>();

    private ContainedProcess(Pidfd pidfd, ProcessStreams streams) {
        this.pidfd = pidfd;
        this.hostPid = pidfd.pid();
        this.streams = streams;
    }

    /**
     * Follows a process to its end.
     *
     * @param pidfd the process; collected and closed here
     * @param outputs where what it writes can be read, not blocking; closed here
     * @param buffer shared by all processes of the loop
     */
    static ContainedProcess follow(
            EventLoop loop, Pidfd pidfd, Map<LogStream, Fd> outputs, ProcessStreams streams, NativeMemory buffer) {
        var process = new ContainedProcess(pidfd, streams);
        streams.begin();
        Map<OutputPump, EventLoop.Watch> pumps = new LinkedHashMap<>();
        outputs.forEach((stream, source) -> {
            var pump = new OutputPump(source, stream, streams, buffer);
            pumps.put(pump, pump.start(loop));
        });
        loop.watch(pidfd.fd(), end -> process.ended(end, () -> pumps.forEach(OutputPump::drain)));
        return process;
    }

    /** On the loop's thread: what was written before the end is still in the pipes. */
    private void ended(EventLoop.Watch end, Runnable drain) {
        ExitStatus status;
        try {
            var reaped = pidfd.reap();
            if (reaped.isEmpty()) {
                return;
            }
            status = status(reaped.get());
        } catch (RuntimeException e) {
            LOG.error("process {} was collected by somebody else; its exit status is lost", hostPid, e);
            status = new ExitStatus(255, Optional.empty(), false);
        }
        drain.run();
        synchronized (this) {
            end.close();
        }
        streams.ended();
        exit.complete(status);
    }

    private static ExitStatus status(Pidfd.Exit exit) {
        return exit.signal() == 0
                ? new ExitStatus(exit.code(), Optional.empty(), false)
                : new ExitStatus(128 + exit.signal(), Optional.of(new Signal(exit.signal()).toString()), false);
    }

    /** Completes when the process has ended and its output is in the log; on the loop's thread. */
    CompletableFuture<ExitStatus> onExit() {
        return exit;
    }

    int hostPid() {
        return hostPid;
    }

    /** The process for setns(2), the caller's to close; empty once it has been collected. */
    synchronized Optional<Fd> duplicate() {
        return pidfd.fd().isOpen() ? Optional.of(pidfd.fd().duplicate()) : Optional.empty();
    }

    boolean isRunning() {
        return !exit.isDone();
    }

    Instant startedAt() {
        return startedAt;
    }

    /** Sends a signal, if the process is there to receive it. The lock keeps the descriptor's number from being used again. */
    synchronized void signal(Signal signal) {
        if (pidfd.fd().isOpen()) {
            pidfd.signal(signal.number());
        }
    }

    /**
     * Whether a signal can have no effect: PID 1 of a namespace gets only those that it handles, and it neither handles this one nor
     * blocks it to wait for it.
     */
    boolean ignores(Signal signal) {
        var bit = 1L << (signal.number() - 1);
        try {
            var status = Files.readAllLines(Path.of("/proc/" + hostPid + "/status"));
            var first = status.stream().anyMatch(line -> line.startsWith("NSpid:") && line.endsWith("\t1"));
            return first
                    && status.stream()
                            .filter(line -> line.startsWith("SigCgt:") || line.startsWith("SigBlk:"))
                            .mapToLong(line ->
                                    Long.parseUnsignedLong(line.substring(7).strip(), 16))
                            .noneMatch(set -> (set & bit) != 0);
        } catch (IOException e) {
            return false;
        }
    }

    /** Kills the process if it runs, and waits until it is collected. Idempotent. */
    @Override
    public void close() {
        signal(Signal.KILL);
        exit.join();
    }
}
