package dev.cais.image.registry;

import dev.cais.BuildCache;
import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.EngineException;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import dev.cais.image.oci.ImageReference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * All registries, as one engine speaks to them: where references are to be found, and who the engine is there. Opens nothing
 * before the first request.
 */
public final class Registries implements AutoCloseable {
    private static final String HUB = "docker.io";
    private static final String HUB_SEARCH = "index.docker.io";
    private static final String HUB_SERVER = "registry-1.docker.io";

    private final RegistryOptions options;
    private final Transport transport;
    private final CredentialFiles files;
    /** By registry and, since files may have credentials for parts of one, repository. */
    private final Map<String, Authentication> authentications = new ConcurrentHashMap<>();
    /** The scheme that a registry on loopback was found to speak. */
    private final Map<String, String> schemes = new ConcurrentHashMap<>();

    public Registries(RegistryOptions options) {
        this(options, CredentialFiles.ofUser());
    }

    Registries(RegistryOptions options, CredentialFiles files) {
        this.options = options;
        this.transport = new Transport(options);
        this.files = files;
    }

    public RegistryOptions options() {
        return options;
    }

    /** Files of servers that are no registries. */
    public WebFiles webFiles() {
        return new WebFiles(transport);
    }

    /** A cache of GitHub Actions, which is no registry either. */
    public ActionsCache actionsCache(BuildCache.GitHubActions cache) {
        return new ActionsCache(cache, transport);
    }

    /**
     * Where to pull from, in the order to try: mirrors, then the registry itself.
     *
     * @param credentials for the registry itself, before all others
     */
    public List<Repository> pullFrom(ImageReference reference, Optional<Credentials> credentials) {
        var repositories = new ArrayList<Repository>();
        var place = Place.of(reference).rewritten(options.rewrites());
        for (var mirror : options.mirrors().getOrDefault(place.registry, List.of())) {
            var slash = mirror.indexOf('/');
            var host = slash < 0 ? mirror : mirror.substring(0, slash);
            var path = slash < 0 ? place.repository : mirror.substring(slash + 1) + "/" + place.repository;
            repositories.addAll(at(new Place(host, path), Optional.empty()));
        }
        repositories.addAll(at(place, credentials));
        return repositories;
    }

    /**
     * Asks mirrors and the registry until one gives an answer.
     *
     * @param credentials as in {@link #pullFrom}
     * @throws EngineException what the last one threw: it could not be reached, refused, does not have it, or what it has is
     *     corrupt; with what the others threw as suppressed
     */
    public <T> T fromAny(
            ImageReference reference, Optional<Credentials> credentials, Function<Repository, T> question) {
        return ask(pullFrom(reference, credentials), question);
    }

    /** The same, but only of the registry itself. */
    public <T> T toAny(ImageReference reference, Optional<Credentials> credentials, Function<Repository, T> question) {
        return ask(pushTo(reference, credentials), question);
    }

    private static <T> T ask(List<Repository> repositories, Function<Repository, T> question) {
        var failures = new ArrayList<EngineException>();
        for (var repository : repositories) {
            if (repository.isRuledOut()) {
                continue;
            }
            try {
                return question.apply(repository);
            } catch (RegistryException | NotFoundException | CorruptContentException e) {
                failures.add(e);
            }
        }
        var last = failures.remove(failures.size() - 1);
        failures.forEach(last::addSuppressed);
        throw last;
    }

    /** Where to push to: the registry itself; several where it is to be found out whether it speaks TLS. */
    public List<Repository> pushTo(ImageReference reference, Optional<Credentials> credentials) {
        return at(Place.of(reference).rewritten(options.rewrites()), credentials);
    }

    /**
     * The repository itself, no mirror of it. Finds out first how a registry on loopback is spoken to.
     *
     * @throws RegistryException if it has to be found out and there is nobody to answer
     */
    public Repository repository(ImageReference reference, Optional<Credentials> credentials, Task task) {
        var place = Place.of(reference).rewritten(options.rewrites());
        return new Repository(begun(conversations(place, credentials), task));
    }

    /** The same for a registry as a whole. */
    public Catalog catalog(String registry, Optional<Credentials> credentials, Task task) {
        return new Catalog(begun(conversations(new Place(registry, ""), credentials), task));
    }

    /** The same for searching it, which Docker Hub has another server for. */
    public Catalog search(String registry, Optional<Credentials> credentials, Task task) {
        var server = registry.equals(HUB) ? HUB_SEARCH : registry;
        return new Catalog(begun(conversations(new Place(registry, ""), server, credentials), task));
    }

    private static Conversation begun(List<Conversation> possible, Task task) {
        if (possible.size() == 1) {
            return possible.get(0);
        }
        RegistryException failure = null;
        for (var conversation : possible) {
            try {
                conversation.begin(task);
                return conversation;
            } catch (RegistryException e) {
                failure = e;
            }
        }
        throw Objects.requireNonNull(failure);
    }

    private record Place(String registry, String repository) {
        static Place of(ImageReference reference) {
            return new Place(reference.registry(), reference.repository());
        }

        /** By the longest name that this one begins with. */
        Place rewritten(Map<String, String> rewrites) {
            var name = registry + "/" + repository;
            for (var end = name.lastIndexOf('/'); end > 0; end = name.lastIndexOf('/', end - 1)) {
                var to = rewrites.get(name.substring(0, end));
                if (to != null) {
                    var changed = to + name.substring(end);
                    var slash = changed.indexOf('/');
                    return new Place(changed.substring(0, slash), changed.substring(slash + 1));
                }
            }
            return this;
        }
    }

    private List<Repository> at(Place place, Optional<Credentials> credentials) {
        return conversations(place, credentials).stream().map(Repository::new).toList();
    }

    private List<Conversation> conversations(Place place, Optional<Credentials> credentials) {
        return conversations(place, place.registry.equals(HUB) ? HUB_SERVER : place.registry, credentials);
    }

    private List<Conversation> conversations(Place place, String server, Optional<Credentials> credentials) {
        var conversations = new ArrayList<Conversation>();
        for (var scheme : schemes(place.registry, server)) {
            var location = new Location(place.registry, Endpoint.parse(scheme, server), place.repository);
            conversations.add(new Conversation(
                    location,
                    transport,
                    credentials.isPresent()
                            ? new Authentication(transport, task -> credentials)
                            : authentications.computeIfAbsent(
                                    server + " " + location,
                                    key -> new Authentication(transport, task -> known(location, task))),
                    schemes));
        }
        return conversations;
    }

    private List<String> schemes(String registry, String server) {
        if (options.insecure().contains(registry)) {
            return List.of("http");
        }
        if (schemes.containsKey(registry)) {
            return List.of(schemes.getOrDefault(registry, "https"));
        }
        return Endpoint.parse("https", server).isLoopback() ? List.of("https", "http") : List.of("https");
    }

    private Optional<Credentials> known(Location location, Task task) {
        return Optional.ofNullable(options.credentials().get(location.registry()))
                .or(() -> files.find(location, task));
    }

    /** Closes all connections. Repeating is harmless. */
    @Override
    public void close() {
        transport.close();
    }
}
