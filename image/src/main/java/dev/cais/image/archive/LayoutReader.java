package dev.cais.image.archive;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toList;

import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.image.oci.Shown;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Reads images with manifests: OCI layouts and skopeo's {@code dir:}.
 *
 * <p>Each entry of {@code index.json} is an image, except that several with the same name (or all without one) and different
 * platforms are one image for several platforms. Its name is containerd's annotation, or else the {@code ref.name} read as
 * a reference, as podman does it; what is no reference is no name. An index that has a name and is here with all that is below it
 * is taken whole, and need not have an image for the host; of others that image is taken.
 */
final class LayoutReader {
    static final String REF_NAME = "org.opencontainers.image.ref.name";
    static final String CONTAINERD_NAME = "io.containerd.image.name";
    private static final int DEEPEST_INDEX = 8;
    private static final int MOST_SHOWN = 5;

    private final ArchiveFiles files;
    private final Platform host;
    private final ImageLimits limits;

    LayoutReader(ArchiveFiles files, Platform host, ImageLimits limits) {
        this.files = files;
        this.host = host;
        this.limits = limits;
    }

    private Index index() {
        requireVersion();
        return Index.parse(
                files.require("index.json", "the index")
                        .bytes(limits.manifestSize().bytes()),
                files.what("index.json"));
    }

    /** One image, without names; see {@link ImageArchive#openLayout}. */
    ArchivedImage image(String reference) {
        var all = index().images();
        var chosen = all.stream()
                .filter(entry -> reference.isEmpty()
                        || entry.digest().toString().equals(reference)
                        || names(entry).contains(reference))
                .toList();
        if (chosen.isEmpty() || reference.isEmpty() && chosen.size() > 1 && !arePlatformsOfOne(chosen)) {
            throw new NotFoundException(
                    "cannot load " + files.name() + ": "
                            + (reference.isEmpty()
                                    ? "it has " + all.size() + " images, and none was named"
                                    : "it has no image " + Shown.text(reference)),
                    all.isEmpty()
                            ? ""
                            : "it has "
                                    + all.stream()
                                            .map(LayoutReader::shown)
                                            .limit(MOST_SHOWN)
                                            .collect(joining(", ")));
        }
        return image(resolve(new Index(chosen).choose(host, files.what("index.json")), Optional.empty()));
    }

    private static List<String> names(Descriptor entry) {
        return Stream.of(CONTAINERD_NAME, REF_NAME)
                .flatMap(key -> Optional.ofNullable(entry.annotations().get(key)).stream())
                .toList();
    }

    private static String shown(Descriptor entry) {
        return Shown.text(
                names(entry).stream().findFirst().orElse(entry.digest().toString()));
    }

    List<ArchivedImage> images() {
        var document = files.what("index.json");
        var index = index();
        var entries = index.images();
        if (entries.isEmpty()) {
            entries = List.of(index.choose(host, document)); // which says what is there
        }
        var wholes = new HashMap<Digest, Optional<LayoutIndex>>();
        var names = new LinkedHashMap<Found, List<ImageReference>>();
        entries.stream()
                .collect(groupingBy(LayoutReader::nameText, LinkedHashMap::new, toList()))
                .forEach((text, same) -> {
                    var name = readName(text);
                    for (var entry : arePlatformsOfOne(same) ? List.of(new Index(same).choose(host, document)) : same) {
                        var whole = name.isPresent() && MediaType.Kind.INDEX.is(entry)
                                ? wholes.computeIfAbsent(
                                        entry.digest(), digest -> LayoutIndex.read(this, entry, limits.layers()))
                                : Optional.<LayoutIndex>empty();
                        var found = new Found(resolve(entry, whole), whole.map(LayoutIndex::digest));
                        var known = names.computeIfAbsent(found, key -> new ArrayList<>());
                        name.filter(each -> !known.contains(each)).ifPresent(known::add);
                    }
                });
        return names.entrySet().stream()
                .map(named -> {
                    var manifest = named.getKey().manifest();
                    var whole = named.getKey().index().flatMap(digest -> wholes.getOrDefault(digest, Optional.empty()));
                    return image(manifest).with(named.getValue(), whole.map(each -> each.besides(manifest.digest())));
                })
                .toList();
    }

    /**
     * What an entry stands for.
     *
     * @param index if it is one, and is here as a whole
     */
    private record Found(Descriptor manifest, Optional<Digest> index) {}

    /** The one image of a directory that skopeo wrote: the manifest has a name of its own, blobs lie beside it. */
    List<ArchivedImage> directoryTransport() {
        var bytes = files.require("manifest.json", "the manifest")
                .bytes(limits.manifestSize().bytes());
        return List.of(image(ArchivedImage.Content.of(bytes), files.what("manifest.json"), List.of(), Digest::hex));
    }

    private void requireVersion() {
        var layout = JsonObject.parse(
                files.require("oci-layout", "the layout's version")
                        .bytes(limits.manifestSize().bytes()),
                files.what("oci-layout"));
        var version = layout.text("imageLayoutVersion");
        if (!version.equals("1.0.0")) {
            throw layout.wrong("imageLayoutVersion", "is " + Shown.text(version) + ", not 1.0.0");
        }
    }

    private static String nameText(Descriptor entry) {
        return entry.annotations()
                .getOrDefault(CONTAINERD_NAME, entry.annotations().getOrDefault(REF_NAME, ""));
    }

    private static Optional<ImageReference> readName(String text) {
        try {
            return text.isEmpty()
                    ? Optional.empty()
                    : Optional.of(ImageReference.parse(text))
                            .filter(name -> name.digest().isEmpty());
        } catch (InvalidSpecException e) {
            return Optional.empty();
        }
    }

    private static boolean arePlatformsOfOne(List<Descriptor> entries) {
        return entries.size() > 1
                && entries.stream()
                                .flatMap(entry -> entry.platform().stream())
                                .distinct()
                                .count()
                        == entries.size();
    }

    /**
     * The manifest behind an entry that may be an index, or one of indexes.
     *
     * @param whole of which another platform's will do if there is none for the host
     */
    private Descriptor resolve(Descriptor entry, Optional<LayoutIndex> whole) {
        var at = entry;
        for (var depth = 0; MediaType.Kind.INDEX.is(at); depth++) {
            if (depth == DEEPEST_INDEX) {
                throw new CorruptContentException(
                        "cannot load " + files.name() + ": its indexes are nested deeper than " + DEEPEST_INDEX);
            }
            var document = shown(at, "index");
            var index = Index.parse(document(at, "index").bytes(), document);
            at = index.find(host)
                    .or(() -> whole.flatMap(LayoutIndex::first))
                    .orElseGet(() -> index.choose(host, document));
        }
        return at;
    }

    private static String blobPath(Digest digest) {
        return "blobs/" + digest.algorithm() + "/" + digest.hex();
    }

    /** The image of a manifest, without names. */
    ArchivedImage image(Descriptor manifest) {
        return image(document(manifest, "manifest"), shown(manifest, "manifest"), List.of(), LayoutReader::blobPath);
    }

    /** The content of a manifest or an index. */
    ArchivedImage.Content document(Descriptor document, String kind) {
        return new ArchivedImage.Content(document.digest(), document(document, kind, LayoutReader::blobPath));
    }

    /** For messages. */
    String shown(Descriptor document, String kind) {
        return kind + " " + document.digest() + " of " + files.name();
    }

    Optional<ArchiveFile> find(Descriptor blob) {
        return files.find(blobPath(blob.digest()));
    }

    ArchiveFile blob(Descriptor descriptor, String kind) {
        return blob(descriptor, kind, LayoutReader::blobPath);
    }

    /** @param blobs where a blob lies */
    private ArchivedImage image(
            ArchivedImage.Content manifestContent,
            String document,
            List<ImageReference> names,
            Function<Digest, String> blobs) {
        var manifest = Manifest.parse(manifestContent.bytes(), document, limits);
        var configBytes = document(manifest.config(), "configuration", blobs);
        var config = ConfigDocument.parse(
                configBytes, "configuration " + manifest.config().digest() + " of " + files.name(), limits);
        if (manifest.layers().size() != config.diffIds().size()) {
            throw new CorruptContentException("cannot load " + files.name() + ": its manifest has "
                    + manifest.layers().size() + " layers, its configuration "
                    + config.diffIds().size());
        }
        var layers = new ArrayList<ArchivedImage.Layer>();
        for (var i = 0; i < manifest.layers().size(); i++) {
            var descriptor = manifest.layers().get(i);
            layers.add(new ArchivedImage.Layer(
                    config.diffIds().get(i), Optional.of(descriptor), blob(descriptor, "layer", blobs)));
        }
        return new ArchivedImage(
                Optional.of(manifestContent),
                new ArchivedImage.Content(manifest.config().digest(), configBytes),
                config,
                layers,
                names);
    }

    private byte[] document(Descriptor descriptor, String kind, Function<Digest, String> blobs) {
        var file = blob(descriptor, kind, blobs);
        var bytes = file.bytes(limits.manifestSize().bytes());
        Hash.require(descriptor.digest(), bytes, kind + " " + descriptor.digest() + " of " + files.name());
        return bytes;
    }

    private ArchiveFile blob(Descriptor descriptor, String kind, Function<Digest, String> blobs) {
        var what = kind + " " + descriptor.digest();
        var file = files.require(blobs.apply(descriptor.digest()), what);
        if (file.size() != descriptor.size().bytes()) {
            throw new CorruptContentException("cannot load " + files.name() + ": " + what + " has " + file.size()
                    + " bytes, not " + descriptor.size().bytes());
        }
        return file;
    }
}
