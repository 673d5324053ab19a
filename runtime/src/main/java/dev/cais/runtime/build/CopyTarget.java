package dev.cais.runtime.build;

import dev.cais.ImageLimits;
import dev.cais.storage.Attributes;
import dev.cais.storage.TreeScan;
import java.time.Instant;
import java.util.List;
import java.util.function.UnaryOperator;

/** A tree that files are copied to. Links on the way are followed within it. For one thread. */
interface CopyTarget {
    /** For what is copied next and is there only now. */
    void requireNow();

    /** Whether a path leads to a directory, links at its end followed. */
    boolean isDirectory(byte[] path);

    /** @throws dev.cais.ConflictException if a path leads to something else than a directory */
    void requireNoFile(byte[] path);

    /** The path that a link at the end of a path leads to, whether there is something or not. */
    byte[] followLast(byte[] path);

    /** Makes a directory with those above it, as far as they are missing. */
    void directories(byte[] path);

    /** Makes the first directories of a path below another as those of a source are. */
    void directories(byte[] below, byte[] path, FileSource source, List<TreeScan.Entry> alike);

    /** Gives a directory another time, which nothing that is written afterwards may change. */
    void modified(byte[] path, Instant modified);

    /** A small file. */
    void file(byte[] path, byte[] content, int usualMode);

    /**
     * Copies a file, or what is in a directory and the directory itself if it is not there yet.
     *
     * @param target of the chosen file or directory, links at its end followed
     */
    void copy(FileSource source, FileSource.Chosen chosen, byte[] target);

    /**
     * Unpacks an archive.
     *
     * @param change of what it says of each file
     */
    void unpack(
            FileSource source,
            TreeScan.Entry archive,
            byte[] target,
            UnaryOperator<Attributes> change,
            ImageLimits limits);
}
