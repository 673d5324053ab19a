package dev.cais;

import java.util.Optional;

/**
 * How an image is pushed. The methods return changed copies.
 *
 * @param compression for layers that the store has only uncompressed; others go as they are
 * @param level of that compression: 1 to 9 for the kinds of gzip, 1 to 22 for those of zstd; 0 for the usual one (6, 3)
 * @param chunkSize the most that goes into one request; {@link ByteSize#UNLIMITED}, the default, sends a blob in one
 * @param credentials for this push alone; empty for those of the engine or of configuration files
 */
public record PushOptions(
        LayerCompression compression, int level, ByteSize chunkSize, Optional<Credentials> credentials) {
    private static final PushOptions DEFAULTS =
            new PushOptions(LayerCompression.GZIP, 0, ByteSize.UNLIMITED, Optional.empty());

    public PushOptions {
        if (level < 0 || level > compression.highestLevel()) {
            throw new InvalidSpecException(
                    "cannot compress layers: the level is out of range [level=" + level + "]",
                    "choose 1 to " + compression.highestLevel());
        }
        if (chunkSize.bytes() < 1) {
            throw new InvalidSpecException("cannot push in chunks of " + chunkSize);
        }
    }

    public static PushOptions defaults() {
        return DEFAULTS;
    }

    public PushOptions compression(LayerCompression changed) {
        return new PushOptions(changed, 0, chunkSize, credentials);
    }

    /** @param changedLevel see {@link PushOptions} */
    public PushOptions compression(LayerCompression changed, int changedLevel) {
        return new PushOptions(changed, changedLevel, chunkSize, credentials);
    }

    public PushOptions chunkSize(ByteSize changed) {
        return new PushOptions(compression, level, changed, credentials);
    }

    public PushOptions credentials(Credentials changed) {
        return new PushOptions(compression, level, chunkSize, Optional.of(changed));
    }
}
