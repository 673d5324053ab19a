package dev.cais.runtime;

import dev.cais.CommitOptions;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.image.Commit;
import dev.cais.image.layer.TarTree;
import dev.cais.storage.TreeWalk;
import dev.cais.storage.UpperChanges;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What a container's image says, what the container changed of it, and what is to be said instead. */
final class ContainerCommit {
    private final LocalContainer container;
    private final CommitOptions options;

    ContainerCommit(LocalContainer container, CommitOptions options) {
        this.container = container;
        this.options = options;
    }

    Image make(LocalContainers owner, String name) {
        var origin = LocalSnapshot.origin(container.image());
        var files = container.files();
        var written = new ArrayList<>(
                files.layers().subList(origin.layers().size(), files.layers().size()));
        if (!UpperChanges.of(files.upper(), files.layers()).isEmpty()) {
            written.add(files.upper());
        }
        var created = Instant.now();
        var step = new HistoryEntry(
                Optional.of(created),
                String.join(" ", container.blueprint().arguments()),
                options.message(),
                options.author(),
                written.isEmpty());
        var names = name.isEmpty() ? List.<String>of() : List.of(name);
        return owner.commit(
                origin, new Commit(written.stream().map(this::layer).toList(), config(created), step, names));
    }

    private Consumer<OutputStream> layer(Path upper) {
        return target -> TarTree.write(
                target,
                "cannot commit container " + container.name(),
                false,
                visitor -> TreeWalk.walk(upper, new byte[0], TreeWalk.Scope.LAYER, visitor));
    }

    private ImageConfig config(Instant created) {
        var own = LocalSnapshot.config(container.image().config(), container.spec());
        var env = new LinkedHashMap<String, String>();
        own.env().forEach(each -> env.put(each.split("=", 2)[0], each));
        options.env().forEach((key, value) -> env.put(key, key + "=" + value));
        var labels = new LinkedHashMap<>(own.labels());
        labels.putAll(options.labels());
        return new ImageConfig(
                Optional.of(created),
                options.author().isEmpty() ? own.author() : options.author(),
                options.entrypoint().orElse(own.entrypoint()),
                options.command().orElse(options.entrypoint().isPresent() ? List.of() : own.command()),
                new ArrayList<>(env.values()),
                options.user().isEmpty() ? own.user() : options.user(),
                options.workdir().isEmpty() ? own.workdir() : options.workdir(),
                options.stopSignal().isEmpty() ? own.stopSignal() : options.stopSignal(),
                joined(own.exposedPorts(), options.exposedPorts()),
                joined(own.volumes(), options.volumes()),
                labels,
                own.shell(),
                own.healthcheck());
    }

    private static List<String> joined(List<String> some, List<String> others) {
        var joined = new ArrayList<>(some);
        others.stream().filter(other -> !some.contains(other)).forEach(joined::add);
        return joined;
    }
}
