package dev.cais.runtime.build;

import dev.cais.BuildEntitlement;
import dev.cais.BuildSpec;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.image.registry.Vicinity;
import dev.cais.image.registry.WebFiles;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What {@code ADD} of one build fetches: each once. It goes with the build. For many threads. */
final class Remotes implements AutoCloseable {
    private final Workplace workplace;
    private final Vicinity nearest;
    private final Map<Wanted, Remote> remotes = new HashMap<>();
    private final Deque<Path> directories = new ArrayDeque<>();

    private record Wanted(String address, Optional<String> checksum) {}

    Remotes(Workplace workplace, BuildSpec spec) {
        this.workplace = workplace;
        this.nearest = spec.entitlements().contains(BuildEntitlement.NETWORK_HOST) ? Vicinity.HOST : Vicinity.PRIVATE;
    }

    /** Whether a source of {@code ADD} is one, and no path. */
    static boolean isAddress(String source) {
        var lower = source.toLowerCase(Locale.ROOT);
        return lower.startsWith("http://") || lower.startsWith("https://");
    }

    /** @param checksum of the file */
    synchronized Remote find(String address, Optional<String> checksum) {
        return remotes.computeIfAbsent(new Wanted(address, checksum), this::make);
    }

    private Remote make(Wanted wanted) {
        return new RemoteFile(
                workplace, WebFiles.parse(wanted.address), wanted.checksum.map(Remotes::digest), nearest, directory());
    }

    private static Digest digest(String checksum) {
        try {
            return Digest.parse(checksum);
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException("--checksum is none: " + e.getMessage());
        }
    }

    private Path directory() {
        var directory = workplace.makeDirectory();
        directories.push(directory);
        return directory;
    }

    @Override
    public synchronized void close() {
        while (!directories.isEmpty()) {
            workplace.remove(directories.pop());
        }
    }
}
