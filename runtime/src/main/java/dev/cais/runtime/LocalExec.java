package dev.cais.runtime;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Exec;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.TimedOutException;
import dev.cais.linux.Signal;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A process beside a container's first one, and the only attachment to its streams.
 *
 * @param what as in {@code sh in container web}
 */
record LocalExec(String what, ExecSpec spec, ExecProcess exec, LocalAttachment streams) implements Exec {
    private ContainedProcess process() {
        return exec.process();
    }

    @Override
    public int pid() {
        requireRunning("cannot tell the process id of");
        return process().hostPid();
    }

    @Override
    public Instant startedAt() {
        return process().startedAt();
    }

    /** Completed by another thread than the event loop's: what a caller hangs on it may block. */
    @Override
    public CompletableFuture<ExitStatus> onExit() {
        return exec.onExit().thenApplyAsync(status -> status);
    }

    @Override
    public ExitStatus await() {
        try {
            return exec.onExit().get();
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public ExitStatus await(Duration timeout) {
        try {
            return exec.onExit().get(TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            throw interrupted(e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (TimeoutException e) {
            throw new TimedOutException("cannot wait longer for " + what + ": it still runs after " + timeout);
        }
    }

    private CancelledException interrupted(InterruptedException cause) {
        Thread.currentThread().interrupt();
        return new CancelledException(
                "cannot go on waiting for " + what + ": the thread was interrupted", Map.of(), "", cause);
    }

    @Override
    public void kill(String signal) {
        var parsed = Signal.parse(signal);
        requireRunning("cannot send " + parsed + " to");
        if (parsed.equals(Signal.KILL)) {
            exec.killAll();
        } else {
            process().signal(parsed);
        }
    }

    private void requireRunning(String cannot) {
        if (!process().isRunning()) {
            throw new ConflictException(cannot + " " + what + ": it has ended");
        }
    }

    @Override
    public OutputStream stdin() {
        return streams.stdin();
    }

    @Override
    public InputStream stdout() {
        return streams.stdout();
    }

    @Override
    public InputStream stderr() {
        return streams.stderr();
    }

    @Override
    public void resize(int columns, int rows) {
        streams.resize(columns, rows);
    }

    @Override
    public void detach() {
        streams.detach();
    }

    @Override
    public void close() {
        exec.close();
        streams.detach();
    }

    /** {@code Exec[sh in container web, running, pid 4182]}. */
    @Override
    public String toString() {
        return "Exec[" + what + ", "
                + (process().isRunning()
                        ? "running, pid " + process().hostPid()
                        : process().onExit().join().toString()) + "]";
    }
}
