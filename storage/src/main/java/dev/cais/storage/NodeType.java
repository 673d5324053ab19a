package dev.cais.storage;

/** The files that mknod(2) makes. */
public enum NodeType {
    CHARACTER_DEVICE(0020000),
    BLOCK_DEVICE(0060000),
    FIFO(0010000);

    private final int bits;

    NodeType(int bits) {
        this.bits = bits;
    }

    int bits() {
        return bits;
    }
}
