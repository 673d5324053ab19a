package dev.cais.runtime;

import dev.cais.Container;
import dev.cais.ContainerFilter;
import dev.cais.Image;
import dev.cais.Images;
import dev.cais.Layer;
import dev.cais.Network;
import dev.cais.Networks;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A filter, with what it names looked up once. */
final class ContainerMatch implements Predicate<LocalContainer> {
    private final ContainerFilter filter;
    private final List<Image> images;
    private final Set<String> networks;
    private final Optional<Instant> before;
    private final Optional<Instant> since;

    /** @throws dev.cais.NotFoundException if a container that it names is not there */
    ContainerMatch(ContainerFilter filter, LocalContainers containers, Images images, Networks networks) {
        this.filter = filter;
        this.images = filter.images().stream()
                .flatMap(name -> images.find(name).stream())
                .toList();
        this.networks = filter.networks().stream()
                .flatMap(name -> networks.find(name).stream())
                .map(Network::name)
                .collect(Collectors.toSet());
        this.before = filter.before().map(containers::get).map(Container::created);
        this.since = filter.since().map(containers::get).map(Container::created);
    }

    @Override
    public boolean test(LocalContainer container) {
        return isAny(filter.ids(), container.id()::startsWith)
                && isAny(filter.names(), container.name()::contains)
                && filter.labels().entrySet().stream().allMatch(wanted -> {
                    var value = container.labels().get(wanted.getKey());
                    return value != null && wanted.getValue().map(value::equals).orElse(true);
                })
                && isAny(filter.states(), container.state()::equals)
                && (filter.images().isEmpty() || isOfImage(container))
                && isAny(filter.health(), container.health().status()::equals)
                && isAny(
                        filter.exitCodes(),
                        code -> container.exitCode().stream().anyMatch(code::equals))
                && isAny(
                        filter.volumes(),
                        wanted -> container.mounts().stream()
                                .anyMatch(point -> point.volume().equals(wanted)
                                        || point.target().equals(wanted)))
                && (filter.networks().isEmpty() || isOnNetwork(container))
                && before.filter(time -> !container.created().isBefore(time)).isEmpty()
                && since.filter(time -> !container.created().isAfter(time)).isEmpty();
    }

    private static <T> boolean isAny(Set<T> wanted, Predicate<T> fits) {
        return wanted.isEmpty() || wanted.stream().anyMatch(fits);
    }

    private boolean isOnNetwork(LocalContainer container) {
        return filter.networks().contains("host")
                        && container.spec().namespaces().network().isHost()
                || container.endpoints().stream().anyMatch(endpoint -> networks.contains(endpoint.network()));
    }

    /** A snapshot and a directory of the host are no images of the store's, and are known by their ids. */
    private boolean isOfImage(LocalContainer container) {
        var layers = diffIds(container.image());
        return filter.images().contains(container.image().id().toString())
                || images.stream().anyMatch(wanted -> {
                    var below = diffIds(wanted);
                    return wanted.id().equals(container.image().id())
                            || !below.isEmpty()
                                    && below.size() < layers.size()
                                    && layers.subList(0, below.size()).equals(below);
                });
    }

    private static List<?> diffIds(Image image) {
        return image.layers().stream().map(Layer::diffId).toList();
    }
}
