package dev.cais.image;

import dev.cais.Credentials;
import dev.cais.ImageLimits;
import dev.cais.ImageRegistry;
import dev.cais.InvalidSpecException;
import dev.cais.SearchResult;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Registries;
import dev.cais.image.registry.Task;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A registry by its name: asks it anew each time. */
final class NamedRegistry implements ImageRegistry {
    private static final int MOST_RESULTS = 100;

    private final Registries registries;
    private final ImageLimits limits;
    private final String host;
    private final Optional<Credentials> credentials;

    NamedRegistry(Registries registries, ImageLimits limits, String host, Optional<Credentials> credentials) {
        this.registries = registries;
        this.limits = limits;
        this.host = host;
        this.credentials = credentials;
    }

    @Override
    public String host() {
        return host;
    }

    @Override
    public ImageRegistry credentials(Credentials changed) {
        return new NamedRegistry(registries, limits, host, Optional.of(changed));
    }

    @Override
    public Stream<String> repositories() {
        var task = new Task(
                "list the repositories of " + host, registries.options().timeout());
        return registries.catalog(host, credentials, task).repositories(limits.manifestSize(), task);
    }

    @Override
    public List<SearchResult> search(String term, int limit) {
        if (term.isBlank() || limit < 1 || limit > MOST_RESULTS) {
            throw new InvalidSpecException(
                    "cannot search " + host + ": the term is empty, or the limit not 1 to " + MOST_RESULTS);
        }
        var task = new Task(
                "search " + host + " for " + Shown.text(term),
                registries.options().timeout());
        return registries.search(host, credentials, task).search(term, limit, task);
    }

    /** As in {@code ImageRegistry[localhost:5000]}. */
    @Override
    public String toString() {
        return "ImageRegistry[" + host + "]";
    }
}
