package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.Image;
import dev.cais.LogOrigin;
import dev.cais.NamespaceMode;
import dev.cais.Namespaces;
import dev.cais.Platform;
import dev.cais.UnsupportedHostException;
import dev.cais.linux.Signal;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.runtime.log.LogDrivers;
import dev.cais.runtime.log.OutputLog;
import dev.cais.storage.ContainerFiles;
import java.util.Map;
import java.util.Optional;

/** Decides everything that a container's spec leaves open, and makes its files. */
final class ContainerMaking {
    private final LocalEngine engine;
    private final LocalContainers containers;
    private final LogDrivers logDrivers;
    private final CdiDevices cdi;

    ContainerMaking(LocalEngine engine, LocalContainers containers) {
        this.engine = engine;
        this.containers = containers;
        this.logDrivers = new LogDrivers(engine.options().logDrivers());
        this.cdi = new CdiDevices(
                engine.options().cdiDirectories(), engine.options().strictLimits());
    }

    CdiDevices cdi() {
        return cdi;
    }

    /**
     * Makes the files of a container, whose name is its own already.
     *
     * @param verb as in {@code start}, for messages
     * @param captures whether all output is kept, for a result; then the caller removes it
     * @param given in the place of the image that the spec names
     * @param undo gets what would have to be undone
     */
    CreatedContainer make(
            String verb,
            ContainerSpec asked,
            boolean captures,
            Optional<Image> given,
            String id,
            String name,
            Undo undo) {
        var cannot = "cannot " + verb + " container " + name;
        var added = cdi.addTo(asked, cannot);
        var spec = added.spec().namespaces(shared(added.spec().namespaces()));
        var image = given.orElseGet(() -> image(cannot, spec));
        if (!image.platform().os().equals("linux")
                || !image.platform().architecture().equals(Platform.host().architecture())) {
            throw new UnsupportedHostException(
                    cannot + ": image " + spec.image() + " is for " + image.platform() + ", this host is "
                            + Platform.host(),
                    "load the image for this platform");
        }
        var hostname = hostname(spec, id);
        engine.user().require(cannot, spec);
        var blueprint = Blueprint.of(spec, image.config(), engine.accounts(image), hostname)
                .as(identity -> engine.user().require(cannot, identity, spec.groups()));
        var stopSignal = stopSignal(spec, image);
        var confinement = Confinement.of(spec, name, blueprint.identity());
        var mounts = ContainerMounts.of(cannot, spec, image, engine.images());
        ContainerFiles files;
        try (var hold = engine.store().lockShared()) {
            files = mounts.createFiles(engine.store(), id, undo);
        }
        var points = mounts.prepare(engine.store(), files, engine.launcher());
        var origin = new LogOrigin(
                id, name, spec.image(), image.id(), CreatedContainer.labels(spec, image), blueprint.env());
        var log = undo.add(OutputLog.of(files.directory(), origin, spec.logging(), logDrivers, captures));
        mounts.made().forEach(volume -> engine.volumes().tellCreated(volume, Map.of()));
        return new CreatedContainer(
                id,
                name,
                image,
                spec,
                blueprint,
                hostname,
                confinement,
                stopSignal,
                files,
                points,
                log,
                added.unable(),
                spec.autoRemove() && !captures);
    }

    /** What its files begin with. */
    private Image image(String cannot, ContainerSpec spec) {
        var rootfs = spec.rootfs();
        return rootfs.isPresent()
                ? Rootfs.open(cannot, rootfs.get(), engine.store())
                : containers
                        .snapshots()
                        .find(spec.image())
                        .orElseGet(() -> engine.images().get(spec.image()));
    }

    /** As Docker names it: the host's name, and another container's, goes with its network. */
    private String hostname(ContainerSpec spec, String id) {
        var namespaces = spec.namespaces();
        if (!spec.hostname().isEmpty()) {
            return spec.hostname();
        }
        return switch (namespaces.uts().kind()) {
            case HOST -> engine.hostname();
            case CONTAINER -> containers.local(namespaces.uts()).hostname();
            case PRIVATE, PATH ->
                switch (namespaces.network().kind()) {
                    case HOST -> engine.hostname();
                    case CONTAINER -> containers.local(namespaces.network()).hostname();
                    case PRIVATE, PATH -> id.substring(0, 12);
                };
        };
    }

    /** Other containers by their ids: names may be given to others later. A network is there already, the rest only when it starts. */
    private Namespaces shared(Namespaces asked) {
        return new Namespaces(
                byId(asked.pid()),
                byId(asked.ipc()),
                byId(asked.uts()),
                asked.network().kind() == NamespaceMode.Kind.CONTAINER
                        ? NamespaceMode.container(
                                containers.local(asked.network()).id())
                        : asked.network(),
                asked.time());
    }

    private NamespaceMode byId(NamespaceMode mode) {
        return mode.kind() == NamespaceMode.Kind.CONTAINER
                ? containers
                        .find(mode.target())
                        .map(found -> NamespaceMode.container(found.id()))
                        .orElse(mode)
                : mode;
    }

    private static Signal stopSignal(ContainerSpec spec, Image image) {
        if (!spec.stopSignal().isEmpty()) {
            return Signal.parse(spec.stopSignal());
        }
        var named = image.config().stopSignal();
        return named.isEmpty() ? Signal.TERM : Signal.parse(named);
    }
}
