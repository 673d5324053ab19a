package dev.cais.image;

import dev.cais.BuildOutput;
import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.LayerCompression;
import dev.cais.Platform;
import dev.cais.ProgressEvent;
import dev.cais.PushOptions;
import dev.cais.image.archive.ArchiveWriter;
import dev.cais.image.archive.ArchivedImage;
import dev.cais.image.archive.Pending;
import dev.cais.image.archive.SavedImage;
import dev.cais.image.archive.SavedRoot;
import dev.cais.image.attestation.Predicate;
import dev.cais.image.attestation.Statement;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Manifest;
import dev.cais.image.oci.MediaType;
import dev.cais.storage.Store;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What a build has come to: an image, or one for each platform and an index of them. It can be pushed and written to files, and nobody sees
 * it in the store before it is published. For one thread, which holds {@link Store#lockShared()} since the layers were found.
 *
 * <p>This is the one place where manifests and indexes of builds are put together: see {@link #root}.
 */
public final class BuildResult {
    private final BuiltImages target;
    private final RemoteImages remote;
    private final Store store;
    private final StoredDocuments documents;
    private final Sweep sweep;
    private final Packing packing;
    private final boolean indexed;
    private final Annotations annotations;
    private final List<Said> said;
    private final List<Part> parts = new ArrayList<>();
    private final Map<Packing.Form, Root> roots = new LinkedHashMap<>();

    /**
     * What the documents say of themselves.
     *
     * @param manifest of each image, by key
     * @param index of the index, by key
     */
    public record Annotations(Map<String, String> manifest, Map<String, String> index) {}

    /**
     * What is said of an image beside it, in an index.
     *
     * @param names of the image, as package URLs
     */
    public record Said(List<String> names, List<Predicate> predicates) {
        public Said {
            names = List.copyOf(names);
            predicates = List.copyOf(predicates);
        }
    }

    /** An image and its configuration. */
    private record Part(ArchivedImage.Content config, BuiltImage built) {
        Digest id() {
            return config.digest();
        }
    }

    /**
     * A result in one form.
     *
     * @param root its index, or its only manifest
     * @param images in the order of the parts
     * @param attestations manifests of what is said of them
     */
    private record Root(Descriptor root, boolean isIndex, List<Packing.Packed> images, List<Digest> attestations) {}

    BuildResult(
            BuiltImages target,
            RemoteImages remote,
            ImageStore images,
            Packing packing,
            List<BuiltImage> built,
            boolean indexed,
            Annotations annotations,
            List<Said> said) {
        this.target = target;
        this.remote = remote;
        this.store = images.store();
        this.documents = images.documents();
        this.sweep = images.sweep();
        this.packing = packing;
        this.indexed = indexed;
        this.annotations = annotations;
        this.said = List.copyOf(said);
        for (var image : built) {
            var below = image.base()
                    .map(base -> JsonObject.parse(documents.bytes(base.id()), "configuration " + base.id()));
            parts.add(new Part(content(image.configuration(image.below(below))), image));
        }
    }

    private static ArchivedImage.Content content(byte[] document) {
        return new ArchivedImage.Content(Hash.sha256(document), document);
    }

    private ArchivedImage.Content put(byte[] document) {
        return put(content(document));
    }

    /** Into the store, where it lies about until an image of the store needs it. */
    private ArchivedImage.Content put(ArchivedImage.Content content) {
        sweep.expect();
        documents.put(content);
        return content;
    }

    /** The manifest of the only image, or an index. The same result and form give the same bytes. */
    private Root root(Packing.Form form) {
        var known = roots.get(form);
        if (known != null) {
            return known;
        }
        var packed = new ArrayList<Packing.Packed>();
        for (var part : parts) {
            var id = put(part.config).digest();
            packed.add(
                    packing.pack(id, part.built.descriptors(), form, form.docker() ? Map.of() : annotations.manifest));
        }
        var root = isOne() ? onlyImage(packed) : index(form, packed);
        roots.put(form, root);
        return root;
    }

    private boolean isOne() {
        return parts.size() == 1 && !indexed && said.stream().allMatch(one -> one.predicates.isEmpty());
    }

    private Root onlyImage(List<Packing.Packed> packed) {
        return new Root(descriptor(packed.get(0)), false, packed, List.of());
    }

    private Root index(Packing.Form form, List<Packing.Packed> packed) {
        var entries = new ArrayList<Map<String, Object>>();
        for (var image : packed) {
            entries.add(Index.entry(
                    descriptor(image),
                    JsonObject.parse(documents.bytes(image.config()), "configuration " + image.config())));
        }
        var attestations = new ArrayList<Digest>();
        for (var i = 0; i < packed.size(); i++) {
            if (!said.get(i).predicates.isEmpty()) {
                var attested = attest(packed.get(i).manifest(), said.get(i));
                attestations.add(attested.digest());
                entries.add(JsonObject.map(attested));
            }
        }
        var type = form.type(MediaType.OCI_INDEX);
        var index = put(Index.document(type, entries, form.docker() ? Map.of() : annotations.index));
        return new Root(type.descriptor(index.digest(), index.bytes().length), true, packed, attestations);
    }

    /** As BuildKit keeps them: a manifest whose layers are the statements, for no platform, that names the image's. */
    private Descriptor attest(Digest image, Said about) {
        var statements = new ArrayList<Descriptor>();
        for (var predicate : about.predicates) {
            var statement = put(Statement.document(image, about.names, predicate));
            statements.add(new Descriptor(
                    Statement.MEDIA_TYPE,
                    statement.digest(),
                    ByteSize.bytes(statement.bytes().length),
                    Optional.empty(),
                    "",
                    Map.of(Attestations.PREDICATE_TYPE, predicate.type()),
                    List.of()));
        }
        var config = put(Attestations.configuration(statements));
        var manifest = put(new Manifest(
                        MediaType.OCI_MANIFEST,
                        MediaType.OCI_CONFIG.descriptor(config.digest(), config.bytes().length),
                        statements)
                .toBytes());
        return Attestations.entry(manifest.digest(), manifest.bytes().length, image);
    }

    private Descriptor descriptor(Packing.Packed image) {
        return Descriptor.of(
                documents.manifest(image.manifest()).mediaType().toString(),
                image.manifest(),
                ByteSize.bytes(store.blobs().size(image.manifest())));
    }

    /** Writes a layout beside its place. */
    public Pending write(BuildOutput.Oci output, List<String> names) {
        var root = root(new Packing.Form(output.dockerMediaTypes(), output.compression(), output.level()));
        var blobs = new LinkedHashSet<Digest>();
        blobs.add(root.root.digest());
        for (var manifest : Stream.concat(
                        root.images.stream().map(Packing.Packed::manifest), root.attestations.stream())
                .toList()) {
            blobs.add(manifest);
            documents.contents(manifest).forEach(blob -> blobs.add(blob.digest()));
        }
        var saved = List.of(new SavedRoot(root.root, blobs, references(names)));
        var writer = writer();
        return output.tar()
                ? writer.layoutArchive(output.destination(), saved)
                : writer.layout(output.destination(), saved);
    }

    /** Writes a docker-archive beside its place. */
    public Pending write(BuildOutput.DockerArchive output, List<String> names) {
        if (parts.size() > 1) {
            throw new InvalidSpecException(
                    "cannot write " + output.destination() + ": a docker-archive is for one platform",
                    "write an OCI layout");
        }
        var image = parts.get(0);
        var id = put(image.config).digest();
        // of the plain layers, which an archive has anyway
        var manifest = plain(image);
        return writer().dockerArchive(
                        output.destination(),
                        List.of(new SavedImage(
                                manifest,
                                documents.bytes(manifest),
                                documents.manifest(manifest),
                                documents.bytes(id),
                                documents.configuration(id),
                                references(names))));
    }

    private Digest plain(Part image) {
        var config = MediaType.OCI_CONFIG.descriptor(image.id(), image.config.bytes().length);
        return put(new Manifest(MediaType.OCI_MANIFEST, config, image.built.descriptors()).toBytes())
                .digest();
    }

    private ArchiveWriter writer() {
        return new ArchiveWriter(store.blobs(), store.temporaryDirectory());
    }

    private static List<ImageReference> references(List<String> names) {
        return names.stream().map(ImageReference::parse).toList();
    }

    /** Pushes it to a registry, under a name with a tag. */
    public Digest push(String name, boolean dockerMediaTypes, PushOptions options, Consumer<ProgressEvent> progress) {
        var root = root(Packing.Form.of(dockerMediaTypes, options));
        var id = parts.get(forThisHost()).id();
        return remote.push(root.root.digest(), root.isIndex, id, ImageReference.parse(name), options, progress);
    }

    /**
     * Puts it into the store, and gives it its names, all at once.
     *
     * @param wanted in which form; empty for that of the first output, else for one that is packed when it is pushed
     * @return the image for this host, or the first
     */
    public Image publish(List<String> names, Optional<BuildOutput.InStore> wanted) {
        var isPlain = isOne() && annotations.manifest.isEmpty();
        var form = wanted.map(
                        output -> new Packing.Form(output.dockerMediaTypes(), output.compression(), output.level()))
                .or(() -> roots.keySet().stream()
                        .filter(known -> known.compression() != LayerCompression.ESTARGZ)
                        .findFirst());
        if (form.isEmpty() && isPlain) {
            return target.add(parts.get(0).built, names);
        }
        var root = root(form.orElse(new Packing.Form(false, LayerCompression.GZIP, 0)));
        var index = root.isIndex ? Optional.of(root.root.digest()) : Optional.<Digest>empty();
        var images = root.images.stream()
                .map(image -> new NamedImage(image.config(), image.manifest(), index))
                .toList();
        return target.publish(images, images.get(forThisHost()), references(names));
    }

    private int forThisHost() {
        for (var i = 0; i < parts.size(); i++) {
            if (Index.fits(
                    Platform.host(), documents.configuration(parts.get(i).id()).platform())) {
                return i;
            }
        }
        return 0;
    }
}
