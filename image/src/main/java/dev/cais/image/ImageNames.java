package dev.cais.image;

import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.image.host.HostImage;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Shown;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** What callers call images by: names, ids, digests of manifests, and the beginnings of ids. */
final class ImageNames {
    private static final Pattern ID = Pattern.compile("(?:sha256:)?([0-9a-f]{64})|sha512:[0-9a-f]{128}");
    private static final Pattern ID_PREFIX = Pattern.compile("(?:sha256:)?([0-9a-f]{4,63})");

    private ImageNames() {}

    /**
     * An image that was asked for.
     *
     * @param index that the name stands for in its registry
     * @param by the names that it was asked for by; none if by an id
     */
    record Found(Digest id, Edition edition, Optional<Digest> index, List<ImageReference> by) {
        /** The edition, whatever it is called in a registry. */
        NamedImage edited() {
            return new NamedImage(id, edition.manifest());
        }

        NamedImage named() {
            return new NamedImage(id, edition.manifest(), index);
        }
    }

    /**
     * A name that an image may be given.
     *
     * @throws InvalidSpecException if it is none, or has a digest
     */
    static ImageReference toGive(String text) {
        var reference = ImageReference.parse(text);
        if (reference.digest().isPresent()) {
            throw new InvalidSpecException(
                    "cannot give an image the name " + reference + ": a digest is not for choosing",
                    "leave out @" + reference.digest().get());
        }
        return reference;
    }

    /**
     * The image that a text stands for.
     *
     * @param what for the message: {@code save}
     * @throws NotFoundException if there is none
     */
    static Found require(String what, ImageTable table, String text) {
        return find(table, text).orElseThrow(() -> missing(what, table, text));
    }

    /** The image that a text stands for. A name wins over the beginning of an id. */
    static Optional<Found> find(ImageTable table, String text) {
        var id = ID.matcher(text);
        if (id.matches()) {
            return byDigest(table, Digest.parse(id.group(1) == null ? text : "sha256:" + id.group(1)));
        }
        var reference = ImageReference.parse(text);
        return (reference.digest().isPresent() ? byNameAndDigest(table, reference) : byName(table, reference))
                .or(() -> byPrefix(table, text));
    }

    /** An image by its id, or else by the digest of its manifest. */
    private static Optional<Found> byDigest(ImageTable table, Digest digest) {
        return table.edition(digest)
                .map(edition -> new Found(digest, edition, Optional.empty(), List.of()))
                .or(() -> table.images().keySet().stream()
                        .flatMap(id -> table.edition(id, digest).stream()
                                .map(edition -> new Found(id, edition, Optional.empty(), List.of())))
                        .findFirst());
    }

    private static Optional<Found> byName(ImageTable table, ImageReference name) {
        return Optional.ofNullable(table.names().get(name)).map(image -> found(table, image, List.of(name)));
    }

    /** The digest decides; of the name only the repository counts, as in Docker. */
    private static Optional<Found> byNameAndDigest(ImageTable table, ImageReference wanted) {
        var digest = wanted.digest().orElseThrow();
        var names = table.names().entrySet().stream()
                .filter(entry -> entry.getKey().isSameRepository(wanted)
                        && (entry.getValue().manifest().equals(digest)
                                || entry.getValue().remote().equals(digest)))
                .toList();
        return names.stream()
                .findFirst()
                .map(entry -> found(
                        table,
                        entry.getValue(),
                        names.stream().map(Map.Entry::getKey).toList()));
    }

    private static Found found(ImageTable table, NamedImage image, List<ImageReference> by) {
        var edition = table.edition(image.id(), image.manifest()).orElseThrow();
        return new Found(image.id(), edition, image.index(), by);
    }

    private static Optional<Found> byPrefix(ImageTable table, String text) {
        var prefix = ID_PREFIX.matcher(text);
        if (!prefix.matches()) {
            return Optional.empty();
        }
        var ids = table.images().keySet().stream()
                .filter(id -> id.hex().startsWith(prefix.group(1)))
                .toList();
        if (ids.size() > 1) {
            throw new InvalidSpecException(
                    "cannot use image id " + text + ": " + ids.size() + " images begin with it", "write more of it");
        }
        return ids.stream().findFirst().flatMap(id -> byDigest(table, id));
    }

    /** @param what for the message: {@code save} */
    static NotFoundException missing(String what, ImageTable table, String name) {
        var problem = "cannot " + what + " image " + Shown.text(name) + ": the store has no image of that name or id";
        if (ID.matcher(name).matches()) {
            return new NotFoundException(problem);
        }
        var similar =
                NameSuggestions.of(ImageReference.parse(name), table.names().keySet());
        return new NotFoundException(
                problem,
                similar.isEmpty()
                        ? "pull it, load an archive, or take " + HostImage.NAME
                                + ", which is made of this host's programs"
                        : "did you mean " + String.join(" or ", similar) + "?");
    }
}
