package dev.cais.runtime.build;

import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.storage.TreeScan;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Says what is seen of a tree, and what an instruction leaves out of that. For many threads. */
final class Choosing implements TreeScan.Choice {
    private final PathPatterns ignored;
    private final String start;
    private final boolean directory;
    private final PathPatterns excludes;
    private final Map<String, PathPatterns.Verdict> seen = new ConcurrentHashMap<>();
    private final Map<String, PathPatterns.Verdict> wanted = new ConcurrentHashMap<>();

    /**
     * @param ignored what is not seen, by paths from the root
     * @param start what is copied
     * @param directory whether it is one
     * @param excludes what is left out, by paths below the start
     */
    Choosing(PathPatterns ignored, byte[] start, boolean directory, PathPatterns excludes) {
        this.ignored = ignored;
        this.start = FileSource.text(start);
        this.directory = directory;
        this.excludes = excludes;
    }

    @Override
    public boolean wants(String path, boolean isDirectory) {
        return !(verdict(ignored, seen, path, isDirectory).out()
                || verdict(excludes, wanted, relative(path), isDirectory).out());
    }

    /** Exclusions are of what is in the directory that is copied; a file is known by its own name. */
    private String relative(String path) {
        if (!directory) {
            return path.substring(path.lastIndexOf('/') + 1);
        }
        return start.isEmpty() ? path : path.substring(Math.min(path.length(), start.length() + 1));
    }

    private PathPatterns.Verdict verdict(
            PathPatterns patterns, Map<String, PathPatterns.Verdict> known, String path, boolean isDirectory) {
        if (path.isEmpty() || patterns.isEmpty()) {
            return PathPatterns.Verdict.TOP;
        }
        var verdict = known.get(path);
        if (verdict == null) {
            var slash = path.lastIndexOf('/');
            var parent =
                    slash < 0 ? PathPatterns.Verdict.TOP : verdict(patterns, known, path.substring(0, slash), true);
            verdict = patterns.verdict(path, parent);
            if (isDirectory) {
                known.put(path, verdict);
            }
        }
        return verdict;
    }

    @Override
    public boolean enters(String path) {
        return ignored.hasExceptions() || excludes.hasExceptions();
    }
}
