package dev.cais.image;

import dev.cais.Digest;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.host.HostImage;
import dev.cais.image.oci.ImageReference;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Keeps {@code cais/host} as the host's programs are, from the first time that somebody asks for it. For many threads. */
final class HostImageUpkeep {
    private static final ImageReference HOST_IMAGE = ImageReference.parse(HostImage.NAME);

    private final ImageStore images;
    private final Intake intake;
    private final ImageChanges changes;
    private final Path stamp;
    private boolean isCurrent;

    HostImageUpkeep(ImageStore images, Intake intake, ImageChanges changes) {
        this.images = images;
        this.intake = intake;
        this.changes = changes;
        this.stamp = images.store().root().resolve("images.host");
    }

    /** Makes it if it is what a name means. */
    void ensureIfMeant(String name) {
        if (isMeant(name)) {
            ensure();
        }
    }

    static boolean isMeant(String name) {
        return name.equals(HostImage.NAME) || name.equals(HOST_IMAGE.toString()) || name.equals(HOST_IMAGE.canonical());
    }

    /**
     * Makes {@code cais/host} if it is not there, or was made of programs that have changed; then the old one goes, unless
     * it has another name or a container. A user's own of that name stays.
     */
    synchronized void ensure() {
        var present = Optional.ofNullable(images.database().read().names().get(HOST_IMAGE));
        if (present.isPresent() && isCurrent) {
            return;
        }
        var key = present.map(this::keyOf).orElse("");
        var isForeign = present.isPresent() && key.isEmpty();
        if (!isForeign && !(present.isPresent() && HostImage.isCurrent(key, readStamp()))) {
            var host = HostImage.ofThisHost();
            if (!host.key().equals(key)) {
                var unused = intake.add(() -> write(host), (table, added) -> added);
                present.ifPresent(old -> removeIfUnused(old.id()));
            }
            images.store().write(stamp, host.stamp().getBytes(StandardCharsets.UTF_8));
        }
        isCurrent = true;
    }

    private String readStamp() {
        try {
            return Files.readString(stamp);
        } catch (IOException e) {
            return ""; // then it has to be looked at
        }
    }

    /** Empty for an image that was not made here. */
    private String keyOf(NamedImage image) {
        return images.documents().configuration(image.id()).config().labels().getOrDefault(HostImage.KEY_LABEL, "");
    }

    private void removeIfUnused(Digest id) {
        var isUsed = images.store().uses().stream().anyMatch(use -> use.needs(id));
        changes.make(table -> isUsed || !table.namesOf(id).isEmpty() ? table : table.without(id));
        images.sweep().runIfIdle();
    }

    private List<ArchivedImage> write(HostImage host) {
        try (var layer = images.store().blobs().writer()) {
            host.writeLayer(layer);
            var diffId = layer.commit();
            return List.of(
                    host.image(diffId, images.store().blobs().find(diffId).orElseThrow(), HOST_IMAGE));
        }
    }
}
