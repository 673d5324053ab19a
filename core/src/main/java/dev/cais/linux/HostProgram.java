package dev.cais.linux;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;

/**
 * A program of this host that is run once: it is asked on stdin, answers on stdout, and says on stderr what it likes. When {@link #run}
 * returns, it is gone, and so are its descendants, if it did not end by itself: those that can be found, and its process group, if it
 * leads one, whoever is in that.
 *
 * @param command its path or name in {@code PATH}, and its arguments
 * @param environment all of it
 * @param directory where it works
 */
public record HostProgram(List<String> command, Map<String, String> environment, Path directory) {
    private static final int LARGEST_ANSWER = 1 << 20;
    private static final int LONGEST_LAST_WORDS = 2000;

    /** For what it has written, when it has ended itself. */
    private static final Duration LINGERING = Duration.ofSeconds(10);

    /** For one to stand still. Who waits for its child to be another program does not before that. */
    private static final Duration STOPPING = Duration.ofMillis(100);

    /**
     * What it has come to.
     *
     * @param exitCode 128 and the signal's number if it was killed
     * @param stdout up to 1 MiB
     * @param lastWords the end of its stderr, up to 2000 bytes
     */
    public record Ended(int exitCode, byte[] stdout, String lastWords) {}

    public HostProgram {
        command = List.copyOf(command);
        environment = Map.copyOf(environment);
    }

    /** In this JVM's environment and directory. */
    public static HostProgram of(String... command) {
        return new HostProgram(List.of(command), System.getenv(), Path.of("").toAbsolutePath());
    }

    /**
     * Runs it.
     *
     * @param question for its stdin, which is then closed
     * @param limit until it has ended
     * @throws IOException if it cannot be started, or answers at too great length. The message goes on where one begins with its name
     * @throws TimeoutException if it does not end in time, or others hold its stdout or stderr open when it has ended; likewise
     * @throws InterruptedException if the thread is interrupted; then its flag is not set
     */
    public Ended run(byte[] question, Duration limit) throws IOException, TimeoutException, InterruptedException {
        var process = start();
        var endedByItself = false;
        try {
            // streams of processes cannot be interrupted: others read them, and end with the process
            var stdout = begin(() -> answer(process));
            var stderr = begin(() -> end(process.getErrorStream()));
            var unused = begin(() -> ask(process, question));
            if (!process.waitFor(limit.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new TimeoutException("takes longer than " + shown(limit));
            }
            var answer = result(stdout);
            if (answer.length > LARGEST_ANSWER) {
                throw new IOException("writes more than " + LARGEST_ANSWER + " bytes");
            }
            var ended = new Ended(process.exitValue(), answer, new String(result(stderr), StandardCharsets.UTF_8));
            endedByItself = true;
            return ended;
        } finally {
            if (!endedByItself) {
                end(process);
            }
        }
    }

    private static void end(Process process) {
        var descendants = stop(process);
        // at once, so that no member starts another meanwhile; a number stays the group's as long as it has members
        Syscalls.call(Syscall.KILL, -process.pid(), Abi.SIGKILL);
        descendants.forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        var wasInterrupted = Thread.interrupted();
        descendants.forEach(descendant -> await(descendant.pid(), "ZX", LINGERING));
        try {
            process.waitFor(LINGERING.toNanos(), TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            wasInterrupted = true;
        }
        if (wasInterrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Stops a process and all its descendants: who stands still starts nobody, so none is missed.
     *
     * @return the descendants
     */
    private static Collection<ProcessHandle> stop(Process process) {
        stop(process.toHandle());
        var known = new LinkedHashSet<ProcessHandle>();
        for (var isMore = true; isMore; ) {
            isMore = false;
            for (var found : process.descendants().toList()) {
                if (known.add(found)) {
                    stop(found);
                    isMore = true;
                }
            }
        }
        return known;
    }

    /** Does nothing to one that is another user's, or gone. */
    private static void stop(ProcessHandle process) {
        if (!process.isAlive() || Syscalls.call(Syscall.KILL, process.pid(), Abi.SIGSTOP) != 0) {
            return;
        }
        await(process.pid(), "TtZX", STOPPING);
    }

    /** Waits until a process is in one of some states of proc_pid_stat(5), or gone; not longer than that. */
    private static void await(long pid, String states, Duration most) {
        for (var look = 0; look < most.toMillis() && !isIn(pid, states); look++) {
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** The state stands behind the name, which ends with the last bracket. */
    private static boolean isIn(long pid, String states) {
        try {
            var stat = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
            return states.indexOf(stat.charAt(stat.lastIndexOf(')') + 2)) >= 0;
        } catch (IOException e) {
            return true; // it is gone
        }
    }

    private Process start() throws IOException {
        var builder = new ProcessBuilder(command).directory(directory.toFile());
        builder.environment().clear();
        builder.environment().putAll(environment);
        try {
            return builder.start();
        } catch (IOException e) {
            throw new IOException("cannot be started", e);
        }
    }

    private static <T> FutureTask<T> begin(Callable<T> work) {
        var task = new FutureTask<>(work);
        var thread = new Thread(task, "cais-program");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** One that is too long ends the program, which would wait for its reader forever. */
    private static byte[] answer(Process process) throws IOException {
        var answer = process.getInputStream().readNBytes(LARGEST_ANSWER + 1);
        if (answer.length > LARGEST_ANSWER) {
            process.destroyForcibly();
        }
        return answer;
    }

    /** The end of what a stream has, read to its own end so that its writer need not wait. */
    private static byte[] end(InputStream stream) throws IOException {
        var kept = new ByteArrayOutputStream();
        var buffer = new byte[8192];
        for (var count = stream.read(buffer); count >= 0; count = stream.read(buffer)) {
            kept.write(buffer, 0, count);
            var all = kept.toByteArray();
            kept.reset();
            kept.write(all, Math.max(0, all.length - LONGEST_LAST_WORDS), Math.min(all.length, LONGEST_LAST_WORDS));
        }
        return kept.toByteArray();
    }

    private static boolean ask(Process process, byte[] question) {
        try (var stdin = process.getOutputStream()) {
            stdin.write(question);
            return true;
        } catch (IOException e) {
            return false; // it does not want to know
        }
    }

    private static <T> T result(FutureTask<T> task) throws IOException, TimeoutException, InterruptedException {
        try {
            return task.get(LINGERING.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw new IOException("cannot be read", e.getCause());
        } catch (TimeoutException e) {
            throw new TimeoutException("has ended, but others hold its output open");
        }
    }

    private static String shown(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }

    /** Without the environment, which may have secrets. */
    @Override
    public String toString() {
        return String.join(" ", command);
    }
}
