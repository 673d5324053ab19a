package dev.cais;

/**
 * What an image from outside may contain; anything beyond is refused as a bomb.
 *
 * @param manifestSize size of one JSON document (manifest, index, configuration)
 * @param layers number of layers of one image
 * @param layerSize uncompressed size of one layer's tar stream
 * @param layerEntries number of entries of one layer
 * @param pathLength bytes of one entry's path
 */
public record ImageLimits(ByteSize manifestSize, int layers, ByteSize layerSize, long layerEntries, int pathLength) {
    /** 4 MiB, 500 layers (what overlayfs takes), 64 GiB, 10 million entries, 4095 bytes (PATH_MAX). */
    public static final ImageLimits DEFAULT = new ImageLimits(ByteSize.mib(4), 500, ByteSize.gib(64), 10_000_000, 4095);

    public ImageLimits {
        if (layers < 1 || layerEntries < 1 || pathLength < 1) {
            throw new InvalidSpecException("cannot use limits below 1 [layers=" + layers + ", layerEntries="
                    + layerEntries + ", pathLength=" + pathLength + "]");
        }
    }
}
