package dev.cais;

import java.util.List;
import java.util.stream.Stream;

/** A registry as a whole. Each method asks it anew; nothing is asked before. */
public interface ImageRegistry {
    /** As in {@code docker.io} or {@code localhost:5000}. */
    String host();

    /** The same registry, as somebody else than the engine's options or configuration files say. */
    ImageRegistry credentials(Credentials changed);

    /**
     * Its repositories, named as {@link Images#repository} takes them, in its own order. It is asked for a page at a time, while
     * the stream is read; of one that gives more than a million, reading fails there.
     *
     * @throws RegistryException if it does not show them, as Docker Hub, or answers something that it must not; also while
     *     reading
     * @see <a href="https://distribution.github.io/distribution/spec/api/#listing-repositories">Docker Registry HTTP API V2,
     *     Listing Repositories</a>
     */
    Stream<String> repositories();

    /**
     * Searches where the registry knows how, as Docker Hub does.
     *
     * @param term not empty
     * @param limit 1 to 100
     * @return the best first, as the registry sees it
     * @throws RegistryException if it has no search
     */
    List<SearchResult> search(String term, int limit);
}
