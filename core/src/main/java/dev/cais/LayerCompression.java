package dev.cais;

/** How a layer is packed for a registry. */
public enum LayerCompression {
    GZIP(9),
    /**
     * gzip with each file in members of its own and a table of contents: who knows it, as containerd with its stargz snapshotter does,
     * starts a container before the layer is there, and others see plain gzip. The table is a file of the layer, {@code
     * stargz.index.json}, and {@code .no.prefetch.landmark} is another: so what is pushed is another image, with an id of its own,
     * which the store does not get.
     */
    ESTARGZ(9),
    ZSTD(22),
    /**
     * zstd with each file in a frame of its own and a table of contents, {@code zstd:chunked}: who knows it, as Podman and CRI-O do, pulls only
     * the files it does not have, and others see plain zstd. A little larger and slower than that.
     */
    ZSTD_CHUNKED(22);

    private final int highestLevel;

    LayerCompression(int highestLevel) {
        this.highestLevel = highestLevel;
    }

    /** The smallest result, and the slowest way there; the lowest level is 1. */
    public int highestLevel() {
        return highestLevel;
    }
}
