package dev.cais.examples;

import dev.cais.BuildEvent;
import dev.cais.BuildStep;
import dev.cais.ByteSize;
import dev.cais.ProgressEvent;
import java.io.PrintStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * A build's progress on a terminal: what has ended is one line that stays; below those, what is going on is drawn again and again, with
 * its time and its last lines of output.
 */
final class TerminalProgress implements Consumer<BuildEvent>, AutoCloseable {
    private static final double NANOS = 1e9;
    private static final int LAST_LINES = 6;
    private static final String CSI = "\u001b[";

    private final PrintStream out;
    private final LongSupplier nanos;
    private final int width;
    private final int height;
    private final long begun;
    private final Map<Object, Running> running = new LinkedHashMap<>();
    private Optional<ScheduledExecutorService> ticks = Optional.empty();
    private int ended;
    private boolean isFailed;

    /** Lines of the terminal that are drawn again. */
    private int drawn;

    private static final class Running {
        private final String title;
        private final long since;
        private final OutputLines output = new OutputLines();
        private final Deque<String> last = new ArrayDeque<>();
        private String state = "";

        Running(String title, long since) {
            this.title = title;
            this.since = since;
        }

        void add(List<String> lines) {
            for (var line : lines) {
                last.add(line);
                if (last.size() > LAST_LINES) {
                    last.remove();
                }
            }
        }
    }

    /**
     * @param nanos a clock, as {@link System#nanoTime}
     * @param width of the terminal in characters
     * @param height in lines
     */
    TerminalProgress(PrintStream out, LongSupplier nanos, int width, int height) {
        this.out = out;
        this.nanos = nanos;
        this.width = width;
        this.height = height;
        this.begun = nanos.getAsLong();
    }

    /** Draws it ten times a second from now on, so that times go on. */
    TerminalProgress ticking() {
        var clock = Executors.newSingleThreadScheduledExecutor(task -> {
            var thread = new Thread(task, "progress");
            thread.setDaemon(true);
            return thread;
        });
        var unused = clock.scheduleAtFixedRate(this::draw, 100, 100, TimeUnit.MILLISECONDS);
        ticks = Optional.of(clock);
        return this;
    }

    @Override
    public synchronized void accept(BuildEvent event) {
        if (event instanceof BuildEvent.Warned warned) {
            end("WARN: " + OutputLines.clean(warned.toString()), "");
        } else if (event instanceof BuildEvent.Pulling pulling) {
            transfer("pulling " + pulling.image(), pulling.progress());
        } else if (event instanceof BuildEvent.Pushing pushing) {
            transfer("pushing " + pushing.image(), pushing.progress());
        } else if (event instanceof BuildEvent.CacheUnusable unusable) {
            end("WARN: " + OutputLines.clean(unusable.toString()), "");
        } else if (event instanceof BuildEvent.Cached cached) {
            ended++;
            end(" => CACHED " + PlainProgress.title(cached.step()), seconds(0));
        } else if (event instanceof BuildEvent.Started started) {
            running(started.step(), PlainProgress.title(started.step()));
        } else if (event instanceof BuildEvent.Output output) {
            var step = running(output.step(), PlainProgress.title(output.step()));
            step.add(step.output.add(output.content()));
        } else if (event instanceof BuildEvent.Done done) {
            done(done.step(), done.took().toNanos());
        } else if (event instanceof BuildEvent.Failed failed) {
            failed(failed.step(), failed.took().toNanos());
        }
        draw();
    }

    private Running running(Object key, String title) {
        return running.computeIfAbsent(key, unused -> new Running(title, nanos.getAsLong()));
    }

    private void transfer(String title, ProgressEvent progress) {
        var transfer = running(title, title);
        transfer.state = progress.allDone() + " / " + progress.allSize();
        if (isWhole(progress) && PlainProgress.isThere(progress)) {
            done(title, nanos.getAsLong() - transfer.since);
        }
    }

    private static boolean isWhole(ProgressEvent progress) {
        return progress.allDone().equals(progress.allSize())
                && !progress.allSize().equals(ByteSize.bytes(0));
    }

    private void done(Object key, long took) {
        var step = running.remove(key);
        if (step != null) {
            ended++;
            end(" => " + step.title, seconds(took));
        }
    }

    /** What the program said last stays, too. */
    private void failed(BuildStep key, long took) {
        var step = running.remove(key);
        if (step != null) {
            isFailed = true;
            step.add(step.output.end());
            end(" => ERROR " + step.title, seconds(took));
            step.last.forEach(line -> out.print(fitted(" => => " + line, "") + "\r\n"));
        }
    }

    private void end(String text, String right) {
        wipe();
        out.print(fitted(text, right) + "\r\n");
    }

    private static String seconds(long time) {
        return String.format(Locale.ROOT, "%.1fs", time / NANOS);
    }

    /** On one line of the terminal, with something at its end. */
    private String fitted(String text, String right) {
        var room = width - 1 - (right.isEmpty() ? 0 : right.length() + 1);
        var cut = text.length() <= room ? text : text.substring(0, Math.max(0, room - 1)) + "…";
        return right.isEmpty() ? cut : cut + " ".repeat(Math.max(0, room - cut.length()) + 1) + right;
    }

    private void wipe() {
        if (drawn > 0) {
            out.print(CSI + drawn + "A" + CSI + "J");
            drawn = 0;
        }
    }

    private synchronized void draw() {
        var lines = new ArrayList<String>();
        var now = nanos.getAsLong();
        lines.add(fitted("[+] Building, " + ended + " done, " + running.size() + " running", seconds(now - begun)));
        for (var step : running.values()) {
            lines.add(fitted(
                    " => " + step.title + (step.state.isEmpty() ? "" : "  " + step.state), seconds(now - step.since)));
            step.last.forEach(line -> lines.add(fitted(" => => " + line, "")));
        }
        wipe();
        var shown = lines.subList(0, Math.min(lines.size(), height - 1));
        shown.forEach(line -> out.print(line + "\r\n"));
        out.flush();
        drawn = shown.size();
    }

    /** Ends the drawing; what was going on is wiped away. */
    @Override
    public void close() {
        ticks.ifPresent(ScheduledExecutorService::shutdownNow);
        synchronized (this) {
            wipe();
            out.print(fitted(
                            "[+] " + (isFailed ? "Failed, " : "Built, ") + ended + " done",
                            seconds(nanos.getAsLong() - begun))
                    + "\r\n");
            out.flush();
        }
    }
}
