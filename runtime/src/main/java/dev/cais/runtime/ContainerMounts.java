package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.ContainerSpec;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.Images;
import dev.cais.InvalidSpecException;
import dev.cais.Layer;
import dev.cais.Mount;
import dev.cais.MountPoint;
import dev.cais.NotFoundException;
import dev.cais.StorageException;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.FileOperations;
import dev.cais.storage.Store;
import dev.cais.storage.StoredVolumes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Decides what is mounted in a container, and makes what that needs in the store and on the host: volumes of the spec, and anonymous
 * ones for those of the image that the spec mounts nothing at.
 */
final class ContainerMounts {
    /** Each holds a descriptor while a container starts. */
    private static final int MOST = 500;

    private final String cannot;
    private final Image image;
    private final List<Wanted> wanted;
    private final List<String> made = new ArrayList<>();

    /**
     * @param volume its name, chosen or made up; empty for other mounts
     * @param image whose files it shows
     */
    private record Wanted(Mount mount, String volume, Optional<Image> image) {
        boolean isAnonymous() {
            return mount instanceof Mount.OfVolume asked && asked.name().isEmpty();
        }

        /** The name of a volume of the store's. */
        Optional<String> named() {
            return volume.isEmpty() || isAnonymous() ? Optional.empty() : Optional.of(volume);
        }

        boolean isToBeFilled() {
            return mount instanceof Mount.OfVolume asked
                    && asked.copy()
                    && asked.subpath().isEmpty();
        }
    }

    private ContainerMounts(String cannot, Image image, List<Wanted> wanted) {
        this.cannot = cannot;
        this.image = image;
        this.wanted = wanted;
    }

    /**
     * Those of a spec and an image, the ones above before the ones below.
     *
     * @param cannot as in {@code cannot create container web}
     * @throws InvalidSpecException if the image wants a volume where none can be, or there are too many
     */
    static ContainerMounts of(String cannot, ContainerSpec spec, Image image, Images images) {
        if (spec.mounts().isEmpty() && image.config().volumes().isEmpty()) {
            return new ContainerMounts(cannot, image, List.of());
        }
        var mounts = new ArrayList<>(spec.mounts());
        var targets = mounts.stream().map(Mount::target).collect(Collectors.toCollection(HashSet::new));
        for (var path : image.config().volumes()) {
            var volume = ofImage(cannot, path);
            if (targets.add(volume.target())) {
                mounts.add(volume);
            }
        }
        if (mounts.size() > MOST) {
            throw new InvalidSpecException(
                    cannot + ": it has more than " + MOST + " mounts", Map.of("mounts", mounts.size()), "");
        }
        mounts.forEach(mount -> requireNotShared(cannot, mount, mounts));
        mounts.sort(Comparator.comparingLong(
                mount -> mount.target().chars().filter(each -> each == '/').count()));
        return new ContainerMounts(
                cannot,
                image,
                mounts.stream()
                        .map(mount -> new Wanted(mount, volumeName(mount), mounted(mount, images)))
                        .toList());
    }

    private static Mount ofImage(String cannot, String path) {
        try {
            return Mount.volume(path.startsWith("/") ? path : "/" + path);
        } catch (InvalidSpecException e) {
            throw new InvalidSpecException(
                    cannot + ": its image wants a volume at '" + path.replace('\0', '?') + "', where none can be",
                    Map.of(),
                    "use another image",
                    e);
        }
    }

    /** What is mounted on a shared mount would stay on the host when the container is gone. */
    private static void requireNotShared(String cannot, Mount mount, List<Mount> all) {
        for (var other : all) {
            if (other instanceof Mount.OfBind bind
                    && bind.propagation() == Mount.Propagation.SHARED
                    && mount.target().startsWith(bind.target() + "/")) {
                throw new InvalidSpecException(
                        cannot + ": it cannot mount at " + mount.target() + ": the host would see it in "
                                + bind.source() + ", which is shared with it at " + bind.target(),
                        "choose another target or propagation");
            }
        }
    }

    private static String volumeName(Mount mount) {
        return mount instanceof Mount.OfVolume asked
                ? asked.name().isEmpty() ? LocalVolumes.madeUpName() : asked.name()
                : "";
    }

    private static Optional<Image> mounted(Mount mount, Images images) {
        return mount instanceof Mount.OfImage asked ? Optional.of(images.get(asked.image())) : Optional.empty();
    }

    /**
     * Makes the container's directory, with its use of volumes and images written in it; volumes are made where they are missing. The
     * images' layers are held by the caller.
     */
    ContainerFiles createFiles(Store store, String id, Undo undo) {
        var diffIds = diffIds(image);
        Map<Digest, List<Digest>> mounted = new HashMap<>();
        wanted.forEach(each -> each.image().ifPresent(other -> mounted.put(other.id(), diffIds(other))));
        Set<String> names = new LinkedHashSet<>();
        wanted.forEach(each -> each.named().ifPresent(names::add));
        if (names.isEmpty()) {
            return undo.add(store.createContainer(id, image.id(), diffIds, names, mounted));
        }
        try (var hold = store.volumes().lockShared()) {
            for (var name : names) {
                if (store.volumes().create(name, false, Map.of()).isPresent()) {
                    undo.addStep(() -> removeUnlessUsed(store.volumes(), name));
                    made.add(name);
                }
            }
            return undo.add(store.createContainer(id, image.id(), diffIds, names, mounted));
        }
    }

    /** The volumes that were made for it, those without a name included. */
    List<String> made() {
        return made;
    }

    private static List<Digest> diffIds(Image image) {
        return image.layers().stream().map(Layer::diffId).toList();
    }

    private static void removeUnlessUsed(StoredVolumes volumes, String name) {
        try {
            volumes.remove(name);
        } catch (ConflictException | NotFoundException e) {
            // somebody else has found it useful, or useless
        }
    }

    /**
     * Makes anonymous volumes and missing sources, and fills empty volumes.
     *
     * @throws InvalidSpecException if a file or directory of the host is missing that is not to be made
     * @throws StorageException if the file system is full
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    List<MountPoint> prepare(Store store, ContainerFiles files, Launcher launcher) {
        var points = new ArrayList<MountPoint>();
        try (var content = new ImageContent(cannot, image, store, files, launcher)) {
            for (var each : wanted) {
                points.add(new MountPoint(
                        each.mount(),
                        each.volume(),
                        source(each, store, files, content),
                        each.image().map(Image::id)));
            }
        }
        return List.copyOf(points);
    }

    private Optional<Path> source(Wanted each, Store store, ContainerFiles files, ImageContent content) {
        if (each.mount() instanceof Mount.OfBind bind) {
            requireSource(bind);
            return Optional.of(bind.source());
        }
        if (!(each.mount() instanceof Mount.OfVolume)) {
            return Optional.empty();
        }
        var fill = each.isToBeFilled() && content.hasDirectory(each.mount().target());
        if (each.isAnonymous()) {
            var directory = files.createVolume(each.volume());
            made.add(each.volume());
            if (fill) {
                try (FileOperations operations = store.files(directory)) {
                    content.copy(each.mount().target(), operations);
                }
            }
            return Optional.of(directory);
        }
        var volumes = store.volumes();
        if (fill) {
            volumes.fill(each.volume(), operations -> content.copy(each.mount().target(), operations));
        } else {
            volumes.settle(each.volume());
        }
        return volumes.find(each.volume()).map(volume -> volume.data());
    }

    private void requireSource(Mount.OfBind bind) {
        if (Files.exists(bind.source())) {
            return;
        }
        if (!bind.createSource() || Files.exists(bind.source(), LinkOption.NOFOLLOW_LINKS)) {
            throw new NotFoundException(
                    cannot + ": it cannot bind " + bind.source() + " at " + bind.target()
                            + ": there is no such file or directory on the host",
                    "make it, or have it made with Mount.bind(…).createSource(true)");
        }
        try {
            Files.createDirectories(bind.source());
        } catch (IOException e) {
            throw new StorageException(
                    cannot + ": it cannot make " + bind.source() + " to bind it at " + bind.target() + ": " + e,
                    Map.of(),
                    "",
                    e);
        }
    }
}
