package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildEntitlement;
import dev.cais.BuildSpec;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.registry.Vicinity;
import dev.cais.image.registry.WebFiles;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** What {@code ADD} of one build fetches: each once. It goes with the build. For many threads. */
final class Remotes implements AutoCloseable {
    private final Workplace workplace;
    private final Vicinity nearest;
    private final ServerSecrets secrets;
    private final GitAccess access;
    private final Map<Wanted, Remote> remotes = new HashMap<>();
    private final Deque<Path> directories = new ArrayDeque<>();

    private record Wanted(String address, Optional<String> checksum, Optional<Boolean> keepsData) {
        boolean isGit() {
            return Git.isAddress(address) || keepsData.isPresent();
        }
    }

    Remotes(Workplace workplace, BuildSpec spec, GitAccess access) {
        this.workplace = workplace;
        this.nearest =
                spec.access().entitlements().contains(BuildEntitlement.NETWORK_HOST) ? Vicinity.HOST : Vicinity.PRIVATE;
        this.secrets = new ServerSecrets(spec);
        this.access = access;
    }

    /** Whether a source of {@code ADD} is one, and no path. */
    static boolean isAddress(String source) {
        var lower = source.toLowerCase(Locale.ROOT);
        return lower.startsWith("http://") || lower.startsWith("https://") || Git.isAddress(source);
    }

    /**
     * @param checksum of the file, or the name of the commit
     * @param keepsData whether {@code .git} is wanted, too; if it is said, the address is git's
     */
    synchronized Remote find(String address, Optional<String> checksum, Optional<Boolean> keepsData) {
        return remotes.computeIfAbsent(new Wanted(address, checksum, keepsData), this::make);
    }

    private Remote make(Wanted wanted) {
        if (wanted.isGit()) {
            return repository(Git.parse(wanted.address), wanted);
        }
        return new RemoteFile(
                workplace,
                WebFiles.parse(wanted.address),
                wanted.checksum.map(Remotes::digest),
                nearest,
                secrets,
                directory());
    }

    private Remote repository(Git address, Wanted wanted) {
        wanted.checksum.ifPresent(text -> {
            if (!text.matches("[0-9a-f]{1,64}")) {
                throw new InvalidSpecException("--checksum is none: a commit's name is hexadecimal digits");
            }
            if (!text.startsWith(address.checksum()) && !address.checksum().startsWith(text)) {
                throw new InvalidSpecException("--checksum is another one than that of " + address);
            }
        });
        if (wanted.keepsData.isPresent()
                && address.keepsData()
                        .filter(keeps -> !wanted.keepsData.get().equals(keeps))
                        .isPresent()) {
            throw new InvalidSpecException("--keep-git-dir says another thing than " + address);
        }
        var longest = wanted.checksum
                .filter(text -> text.length() > address.checksum().length())
                .orElse(address.checksum());
        requireFarEnough(address);
        return new RemoteRepository(
                address.checksum(longest),
                wanted.keepsData.or(address::keepsData).orElse(false),
                directory(),
                access,
                this::requireFarEnough);
    }

    private void requireFarEnough(Git address) {
        workplace.host().images().webFiles().requireFarEnough(URI.create(address.serverUrl()), nearest);
    }

    /**
     * For submodules of a context: they may be as near to this host as the context itself is, which the caller named, or as what {@code ADD}
     * fetches.
     */
    Consumer<Git> notNearerThan(Git context) {
        var files = workplace.host().images().webFiles();
        return address -> {
            var isLocal = context.serverUrl().startsWith("file:");
            var own = isLocal ? Vicinity.HOST : files.vicinity(URI.create(context.serverUrl()));
            files.requireFarEnough(URI.create(address.serverUrl()), own.compareTo(nearest) > 0 ? own : nearest);
        };
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

    /** What was asked for, in order of addresses. */
    synchronized List<Provenance.Material> materials() {
        return remotes.values().stream()
                .map(Remote::material)
                .sorted(Comparator.comparing(Provenance.Material::uri))
                .toList();
    }

    @Override
    public synchronized void close() {
        while (!directories.isEmpty()) {
            workplace.remove(directories.pop());
        }
    }
}
