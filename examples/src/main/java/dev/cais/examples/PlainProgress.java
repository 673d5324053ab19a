package dev.cais.examples;

import dev.cais.BuildEvent;
import dev.cais.BuildStep;
import dev.cais.ProgressEvent;
import java.io.PrintStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** A build's progress as lines that stay: for logs of build servers, and files. Each step and each image has a number. */
final class PlainProgress implements Consumer<BuildEvent> {
    private static final double NANOS = 1e9;

    private final PrintStream out;
    private final LongSupplier nanos;
    private final Map<Object, Entry> entries = new HashMap<>();
    private final Set<Object> told = new HashSet<>();
    private int shown;

    private static final class Entry {
        private final int number;
        private final String title;
        private final long since;
        private final OutputLines output = new OutputLines();

        Entry(int number, String title, long since) {
            this.number = number;
            this.title = title;
            this.since = since;
        }
    }

    /** @param nanos a clock, as {@link System#nanoTime} */
    PlainProgress(PrintStream out, LongSupplier nanos) {
        this.out = out;
        this.nanos = nanos;
    }

    @Override
    public void accept(BuildEvent event) {
        if (event instanceof BuildEvent.Warned warned) {
            out.println("WARN: " + warned);
        } else if (event instanceof BuildEvent.Pulling pulling) {
            layer("pulling " + pulling.image(), pulling.progress());
        } else if (event instanceof BuildEvent.Pushing pushing) {
            layer("pushing " + pushing.image(), pushing.progress());
        } else if (event instanceof BuildEvent.CacheUnusable unusable) {
            out.println("WARN: " + OutputLines.clean(unusable.toString()));
        } else if (event instanceof BuildEvent.Cached cached) {
            print(entry(cached.step()), "CACHED");
        } else if (event instanceof BuildEvent.Started started) {
            print(entry(started.step()), started.why().isEmpty() ? "" : "because " + started.why());
        } else if (event instanceof BuildEvent.Output output) {
            var entry = entry(output.step());
            lines(entry, entry.output.add(output.content()));
        } else if (event instanceof BuildEvent.Done done) {
            var entry = entry(done.step());
            lines(entry, entry.output.end());
            print(
                    entry,
                    String.format(Locale.ROOT, "DONE %.1fs, %s", done.took().toNanos() / NANOS, done.layer()));
        } else if (event instanceof BuildEvent.Failed failed) {
            var entry = entry(failed.step());
            lines(entry, entry.output.end());
            print(entry, "ERROR: " + OutputLines.clean(failed.why()));
        }
    }

    /** In the words of BuildKit, {@code [base 2/5] RUN make}. */
    static String title(BuildStep step) {
        return "[" + step.stage() + " " + step.number() + "/" + step.steps() + "] " + OutputLines.clean(step.text());
    }

    private Entry entry(BuildStep step) {
        return entry(step, title(step));
    }

    private Entry entry(Object key, String title) {
        return entries.computeIfAbsent(key, unused -> new Entry(entries.size() + 1, title, nanos.getAsLong()));
    }

    /** Once for each layer, when all of it is there. */
    private void layer(String title, ProgressEvent progress) {
        if (isThere(progress) && told.add(title + " " + progress.layer())) {
            print(
                    entry(title, title),
                    progress.layer().algorithm() + ":" + progress.layer().abbreviated() + " " + progress.size());
        }
    }

    static boolean isThere(ProgressEvent progress) {
        return progress.phase() == ProgressEvent.Phase.DONE || progress.phase() == ProgressEvent.Phase.EXISTS;
    }

    private void lines(Entry entry, List<String> lines) {
        var at = (nanos.getAsLong() - entry.since) / NANOS;
        lines.forEach(line -> print(entry, String.format(Locale.ROOT, "%.3f %s", at, line)));
    }

    /** A step's title stands before its lines whenever another one's were before. */
    private void print(Entry entry, String text) {
        if (shown != entry.number) {
            out.println((shown == 0 ? "" : System.lineSeparator()) + "#" + entry.number + " " + entry.title);
            shown = entry.number;
        }
        if (!text.isEmpty()) {
            out.println("#" + entry.number + " " + text);
        }
    }
}
