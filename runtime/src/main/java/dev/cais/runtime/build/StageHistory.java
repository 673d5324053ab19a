package dev.cais.runtime.build;

import dev.cais.HistoryEntry;
import java.util.ArrayDeque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the instructions of a stage have left for the history. A value: with one more entry it is another, and none is copied for that. */
final class StageHistory {
    static final StageHistory NONE = new StageHistory(null);

    private final @Nullable Link newest;

    private record Link(@Nullable Link before, HistoryEntry entry) {}

    private StageHistory(@Nullable Link newest) {
        this.newest = newest;
    }

    StageHistory with(HistoryEntry entry) {
        return new StageHistory(new Link(newest, entry));
    }

    /** Oldest first. */
    List<HistoryEntry> entries() {
        var entries = new ArrayDeque<HistoryEntry>();
        for (var link = newest; link != null; link = link.before) {
            entries.addFirst(link.entry);
        }
        return List.copyOf(entries);
    }
}
