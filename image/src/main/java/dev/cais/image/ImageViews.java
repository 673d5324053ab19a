package dev.cais.image;

import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.NotFoundException;
import dev.cais.image.oci.ImageReference;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Images of a catalog as its callers see them. */
final class ImageViews {
    private final ImageCatalog catalog;
    private final ImageStore images;

    ImageViews(ImageCatalog catalog, ImageStore images) {
        this.catalog = catalog;
        this.images = images;
    }

    Image of(ImageTable table, ImageNames.Found found) {
        return of(table, found.id(), found.edition(), found.index());
    }

    Image of(ImageTable table, NamedImage image) {
        var edition = table.edition(image.id(), image.manifest()).orElse(new Edition(image.manifest(), false));
        return of(table, image.id(), edition, image.index());
    }

    /** One that is not in the store yet. */
    Image of(Pull.Resolved image, ImageReference name) {
        return new StoredImage(
                catalog,
                image.named().id(),
                new Edition(image.wanted(), false, Optional.of(name)),
                image.index(),
                image.manifest(),
                image.document(),
                List.of(name));
    }

    Image of(ImageTable table, Digest id, Edition edition, Optional<Digest> index) {
        return new StoredImage(
                catalog,
                id,
                edition,
                index,
                images.documents().manifest(edition.manifest()),
                images.documents().configuration(id),
                table.namesOf(id));
    }

    /** Reads again if an image went away meanwhile. */
    <T> T reading(Function<ImageTable, T> read) {
        while (true) {
            var table = images.database().read();
            try {
                return read.apply(table);
            } catch (NotFoundException e) {
                if (table.equals(images.database().read())) {
                    throw e;
                }
            }
        }
    }

    /** Newest first. */
    List<Image> all(ImageTable table) {
        return table.images().keySet().stream()
                .map(id -> of(table, id, table.edition(id).orElseThrow(), Optional.empty()))
                .sorted(Comparator.comparing(ImageViews::created)
                        .reversed()
                        .thenComparing(image -> image.id().toString()))
                .toList();
    }

    private static Instant created(Image image) {
        return image.config().created().orElse(Instant.MIN);
    }
}
