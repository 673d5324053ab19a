package dev.cais.image;

import dev.cais.BuildCache;
import dev.cais.EventAction;
import dev.cais.Image;
import dev.cais.ProgressEvent;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.registry.Registries;
import dev.cais.storage.Store;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What builds bring into a catalog, and what they share with others. */
final class BuiltImages {
    private final Registries registries;
    private final ImageStore images;
    private final Intake intake;
    private final ImageChanges changes;
    private final ImageViews views;
    private final RemoteImages remote;

    BuiltImages(
            Registries registries,
            ImageStore images,
            Intake intake,
            ImageChanges changes,
            ImageViews views,
            RemoteImages remote) {
        this.registries = registries;
        this.images = images;
        this.intake = intake;
        this.changes = changes;
        this.views = views;
        this.remote = remote;
    }

    /**
     * Takes an image that was built, unless it is there already. Hold {@link Store#lockShared()} since its layers were found.
     *
     * @param names to give it
     */
    Image add(BuiltImage built, List<String> names) {
        var given = names.stream().map(ImageNames::toGive).toList();
        var below = built.below(built.base()
                .map(base -> JsonObject.parse(images.documents().bytes(base.id()), "configuration " + base.id())));
        var table = images.database().read();
        var id = Hash.sha256(built.configuration(below));
        var isThere = table.edition(id).isPresent()
                && given.stream()
                        .allMatch(name -> Optional.ofNullable(table.names().get(name))
                                .filter(named -> named.id().equals(id))
                                .isPresent());
        if (isThere) {
            var named = given.stream().findFirst().map(name -> table.names().get(name));
            return named.map(image -> views.of(table, image))
                    .orElseGet(() -> views.of(table, id, table.edition(id).orElseThrow(), Optional.empty()));
        }
        var image = intake.add(
                () -> List.of(built.image(below, images.store().blobs(), given)),
                (seen, added) -> views.of(seen, added.get(0)));
        given.forEach(name -> changes.tell(EventAction.TAG, id, name.toString()));
        return image;
    }

    /**
     * What a build has come to. Hold {@link Store#lockShared()} since the layers of the images were found, until it is published.
     *
     * @param built one for each platform
     * @param indexed whether there is an index of one image, too
     * @param said of each
     * @param cannot for messages: {@code cannot build app}
     */
    BuildResult result(
            List<BuiltImage> built,
            boolean indexed,
            BuildResult.Annotations annotations,
            List<BuildResult.Said> said,
            String cannot) {
        return new BuildResult(
                this,
                remote,
                images,
                new Packing(images.store(), images.documents(), images.limits(), cannot),
                built,
                indexed,
                annotations,
                said);
    }

    /** Shows images of a build whose parts are in the store, and names one of them. */
    Image publish(List<NamedImage> shown, NamedImage named, List<ImageReference> names) {
        var table = changes.make(before -> {
            var changed = before;
            for (var image : shown) {
                changed = changed.with(image.id(), new Edition(image.manifest(), false));
            }
            for (var name : names) {
                changed = changed.named(name, named);
            }
            return changed;
        });
        names.forEach(name -> changes.tell(EventAction.TAG, named.id(), name.toString()));
        return views.of(table, named);
    }

    /**
     * A cache that builds share with others.
     *
     * @param cache in a registry or a directory
     * @param progress of layers that are fetched
     */
    SharedCache cache(BuildCache cache, Consumer<ProgressEvent> progress) {
        return new SharedCache(place(cache, progress), images.store(), images.sweep());
    }

    private CachePlace place(BuildCache cache, Consumer<ProgressEvent> progress) {
        var store = images.store();
        var limits = images.limits();
        if (cache instanceof BuildCache.Registry registry) {
            return new ManifestCache(new RegistryCache(registries, store, limits, registry, progress), limits);
        } else if (cache instanceof BuildCache.Directory directory) {
            return new ManifestCache(new DirectoryCache(store, limits, directory), limits);
        } else if (cache instanceof BuildCache.GitHubActions actions) {
            return new GitHubActionsCache(registries.actionsCache(actions), store, limits, actions, progress);
        }
        throw new IllegalStateException("an inline cache lies in its image");
    }
}
