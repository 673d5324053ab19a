package dev.cais;

/** How a layer is packed for a registry. */
public enum LayerCompression {
    GZIP(9),
    ZSTD(22);

    private final int highestLevel;

    LayerCompression(int highestLevel) {
        this.highestLevel = highestLevel;
    }

    /** The smallest result, and the slowest way there; the lowest level is 1. */
    public int highestLevel() {
        return highestLevel;
    }
}
