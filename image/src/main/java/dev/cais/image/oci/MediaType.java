package dev.cais.image.oci;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The media types that Cais reads, Docker's and OCI's.
 *
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/media-types.md">OCI image spec 1.1.1, Media
 *     Types</a>
 */
public enum MediaType {
    OCI_INDEX(Kind.INDEX, "application/vnd.oci.image.index.v1+json"),
    OCI_MANIFEST(Kind.MANIFEST, "application/vnd.oci.image.manifest.v1+json"),
    OCI_CONFIG(Kind.CONFIG, "application/vnd.oci.image.config.v1+json"),
    OCI_LAYER(Kind.LAYER, "application/vnd.oci.image.layer.v1.tar"),
    OCI_LAYER_GZIP(Kind.LAYER, "application/vnd.oci.image.layer.v1.tar+gzip"),
    OCI_LAYER_ZSTD(Kind.LAYER, "application/vnd.oci.image.layer.v1.tar+zstd"),
    OCI_FOREIGN_LAYER(Kind.LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar"),
    OCI_FOREIGN_LAYER_GZIP(Kind.LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"),
    OCI_FOREIGN_LAYER_ZSTD(Kind.LAYER, "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"),
    DOCKER_INDEX(Kind.INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"),
    DOCKER_MANIFEST(Kind.MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"),
    DOCKER_CONFIG(Kind.CONFIG, "application/vnd.docker.container.image.v1+json"),
    DOCKER_LAYER(Kind.LAYER, "application/vnd.docker.image.rootfs.diff.tar"),
    DOCKER_LAYER_GZIP(Kind.LAYER, "application/vnd.docker.image.rootfs.diff.tar.gzip"),
    DOCKER_LAYER_ZSTD(Kind.LAYER, "application/vnd.docker.image.rootfs.diff.tar.zstd"),
    DOCKER_FOREIGN_LAYER(Kind.LAYER, "application/vnd.docker.image.rootfs.foreign.diff.tar"),
    DOCKER_FOREIGN_LAYER_GZIP(Kind.LAYER, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");

    /** What a blob of a media type is for. */
    public enum Kind {
        INDEX("an index"),
        MANIFEST("a manifest"),
        CONFIG("an image configuration"),
        LAYER("a layer");

        private final String text;

        Kind(String text) {
            this.text = text;
        }

        /** Whether this is what a descriptor points to. */
        public boolean is(Descriptor descriptor) {
            return MediaType.is(this, descriptor.mediaType());
        }

        /** As in a sentence: {@code a layer}. */
        @Override
        public String toString() {
            return text;
        }
    }

    private static final Map<String, MediaType> BY_TEXT = new HashMap<>();

    static {
        for (var type : values()) {
            BY_TEXT.put(type.text, type);
        }
    }

    private final Kind kind;
    private final String text;

    MediaType(Kind kind, String text) {
        this.kind = kind;
        this.text = text;
    }

    /** Empty if Cais does not know it. */
    public static Optional<MediaType> find(String text) {
        return Optional.ofNullable(BY_TEXT.get(text));
    }

    /** Whether this is a layer that its maker does not want in other registries. */
    public static boolean isForeign(String text) {
        return text.contains(".nondistributable.") || text.contains(".foreign.");
    }

    public Kind kind() {
        return kind;
    }

    /** The same in the family of Docker's types; OCI's own where Docker has none. */
    public MediaType docker() {
        return switch (this) {
            case OCI_INDEX -> DOCKER_INDEX;
            case OCI_MANIFEST -> DOCKER_MANIFEST;
            case OCI_CONFIG -> DOCKER_CONFIG;
            case OCI_LAYER -> DOCKER_LAYER;
            case OCI_LAYER_GZIP -> DOCKER_LAYER_GZIP;
            case OCI_LAYER_ZSTD -> DOCKER_LAYER_ZSTD;
            case OCI_FOREIGN_LAYER -> DOCKER_FOREIGN_LAYER;
            case OCI_FOREIGN_LAYER_GZIP -> DOCKER_FOREIGN_LAYER_GZIP;
            default -> this;
        };
    }

    /** The same in the family of OCI's types. */
    public MediaType oci() {
        return switch (this) {
            case DOCKER_INDEX -> OCI_INDEX;
            case DOCKER_MANIFEST -> OCI_MANIFEST;
            case DOCKER_CONFIG -> OCI_CONFIG;
            case DOCKER_LAYER -> OCI_LAYER;
            case DOCKER_LAYER_GZIP -> OCI_LAYER_GZIP;
            case DOCKER_LAYER_ZSTD -> OCI_LAYER_ZSTD;
            case DOCKER_FOREIGN_LAYER -> OCI_FOREIGN_LAYER;
            case DOCKER_FOREIGN_LAYER_GZIP -> OCI_FOREIGN_LAYER_GZIP;
            default -> this;
        };
    }

    /** Whether the text is a known media type of this kind. */
    public static boolean is(Kind kind, String text) {
        return find(text).filter(type -> type.kind == kind).isPresent();
    }

    /** Of content of this type, with nothing optional. */
    public Descriptor descriptor(Digest digest, long size) {
        return Descriptor.of(text, digest, ByteSize.bytes(size));
    }

    /** As documents write it. */
    @Override
    public String toString() {
        return text;
    }
}
