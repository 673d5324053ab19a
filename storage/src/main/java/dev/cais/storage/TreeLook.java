package dev.cais.storage;

import dev.cais.StorageException;
import dev.cais.storage.TreeScan.Entry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What scans have found below a path, and what is still to be looked at: a directory is what one of them does at a time. What comes of it
 * does not depend on who did what. For many threads.
 */
public final class TreeLook {
    /** What a file that was found needs of the heap, with all that a build then notes of it; about twice as much as was measured. */
    private static final int BYTES_OF_A_FILE = 1536;

    /** The same for each byte of its path, of which there are several copies for a while. */
    private static final int BYTES_OF_A_LETTER = 16;

    private final TreeScan.Choice choice;
    private final Place where;
    private final Folder top;
    private final AtomicLong taken = new AtomicLong();

    private final Deque<Folder> open = new ArrayDeque<>();
    private int atWork;
    private boolean failed;

    /** @param path that is looked at, or whose names are */
    TreeLook(byte[] path, TreeScan.Choice choice, Place where) {
        this.choice = choice;
        this.where = where;
        this.top = new Folder(path, null, null, false, 0);
    }

    /** A directory and what was found in it. One thread fills it, and one empties it when all are full. */
    static final class Folder {
        private final byte[] path;
        private final @Nullable Folder above;
        private @Nullable Entry untold;
        private final boolean wanted;
        private final int place;
        private List<Entry> files = List.of();
        private List<Folder> folders = List.of();
        private int nextFile;
        private int nextFolder;

        /** @param place how many files of the directory above come before it */
        private Folder(byte[] path, @Nullable Folder above, @Nullable Entry entry, boolean wanted, int place) {
            this.path = path;
            this.above = above;
            this.untold = entry;
            this.wanted = wanted;
            this.place = place;
        }

        byte[] path() {
            return path;
        }

        /** What is not entered; names come in order. */
        void add(Entry file) {
            if (files.isEmpty()) {
                files = new ArrayList<>();
            }
            files.add(file);
        }

        /** What is entered; names come in order. */
        void add(Entry directory, boolean isWanted) {
            if (folders.isEmpty()) {
                folders = new ArrayList<>();
            }
            folders.add(new Folder(directory.path(), this, directory, isWanted, files.size()));
        }

        private @Nullable Folder nextFolder() {
            return nextFolder < folders.size() && folders.get(nextFolder).place == nextFile
                    ? folders.get(nextFolder++)
                    : null;
        }

        /** Itself and those above it, unless they were told before. */
        private void tell(List<Entry> found) {
            var untoldOnes = new ArrayDeque<Entry>();
            for (var at = this; at != null && at.untold != null; at = at.above) {
                untoldOnes.push(at.untold);
                at.untold = null;
            }
            found.addAll(untoldOnes);
        }
    }

    TreeScan.Choice choice() {
        return choice;
    }

    /** More names than these are too many, whatever they stand for. */
    static int mostNames() {
        return (int) Math.min(1 << 30, Runtime.getRuntime().maxMemory() / BYTES_OF_A_FILE);
    }

    /** Counts a file that is held, before too many of them fill the heap. */
    void count(byte[] path) {
        if (taken.addAndGet(BYTES_OF_A_FILE + (long) BYTES_OF_A_LETTER * path.length)
                > Runtime.getRuntime().maxMemory()) {
            throw tooMany();
        }
    }

    StorageException tooMany() {
        return new StorageException(
                "cannot read " + where + ": it has more files than the heap of this JVM is for",
                "leave some out with .dockerignore, or give it more memory with -Xmx");
    }

    Folder top() {
        return top;
    }

    /** With what is at the path. */
    void begin(Entry first, boolean isWanted) {
        if (first.isDirectory() && (isWanted || choice.enters(first.name()))) {
            top.add(first, isWanted);
            open.addAll(top.folders);
        } else if (isWanted) {
            top.add(first);
        }
    }

    /**
     * Something to be done; waits as long as others may come upon more.
     *
     * @return null if there is nothing left, or so much that it should be shared
     */
    synchronized @Nullable Folder take(int many) {
        while (open.isEmpty() && atWork > 0 && !failed) {
            try {
                wait();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                Failures.requireNotInterrupted("cannot read " + Names.shown(top.path));
            }
        }
        if (open.isEmpty() || open.size() >= many || failed) {
            return null;
        }
        atWork++;
        return open.pop();
    }

    /** What was taken has been done, or nobody will. */
    synchronized void end(Folder folder, boolean isDone) {
        atWork--;
        failed |= !isDone;
        folder.folders.forEach(open::push);
        notifyAll();
    }

    synchronized boolean isDone() {
        return open.isEmpty() && atWork == 0;
    }

    /** In order of the names' bytes, directories before what is in them. To be asked once, when all is done. */
    public List<Entry> found() {
        var found = new ArrayList<Entry>();
        for (var at = top; at != null; ) {
            var folder = at.nextFolder();
            if (folder != null) {
                at = folder;
                if (folder.wanted) {
                    folder.tell(found);
                }
            } else if (at.nextFile < at.files.size()) {
                at.tell(found);
                found.add(at.files.get(at.nextFile++));
            } else {
                at.files = List.of();
                at.folders = List.of();
                at = at.above;
            }
        }
        return found;
    }
}
