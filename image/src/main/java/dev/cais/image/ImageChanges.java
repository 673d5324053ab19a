package dev.cais.image;

import dev.cais.Digest;
import dev.cais.EventAction;
import dev.cais.Image;
import dev.cais.image.oci.ImageReference;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;

/** Changes of what images and names there are, and who is told of them. */
final class ImageChanges {
    private final ImageStore images;
    private final ImageListener listener;

    ImageChanges(ImageStore images, ImageListener listener) {
        this.images = images;
        this.listener = listener;
    }

    /** Changes the database, and says that there may be something to sweep if an image or an edition goes. */
    ImageTable make(UnaryOperator<ImageTable> change) {
        var known = new AtomicReference<>(ImageTable.EMPTY);
        var hold = images.store().lockShared();
        try (hold) {
            var changed = images.database().change(before -> {
                known.set(before);
                var after = change.apply(before);
                if (!after.images().equals(before.images())) {
                    images.sweep().expect();
                }
                return after;
            });
            tellWhatIsGone(Objects.requireNonNull(known.get()), changed);
            return changed;
        }
    }

    private void tellWhatIsGone(ImageTable before, ImageTable after) {
        before.names().forEach((name, image) -> {
            if (!after.names().containsKey(name)) {
                tell(EventAction.UNTAG, image.id(), name.toString());
            }
        });
        before.images().keySet().forEach(id -> {
            if (!after.images().containsKey(id)) {
                tell(
                        EventAction.DELETE,
                        id,
                        before.namesOf(id).stream()
                                .map(ImageReference::toString)
                                .findFirst()
                                .orElse(""));
            }
        });
    }

    void tell(EventAction action, Image image) {
        tell(action, image.id(), image.tags().stream().findFirst().orElse(""));
    }

    /** @param name empty for none */
    void tell(EventAction action, Digest id, String name) {
        listener.happened(action, id.toString(), name.isEmpty() ? Map.of() : Map.of("name", name));
    }

    void tellOfPruning(long reclaimed) {
        listener.happened(EventAction.PRUNE, "", Map.of("reclaimed", String.valueOf(reclaimed)));
    }
}
