package dev.cais;

import java.util.Locale;

/**
 * How far one layer of a pull or a push has come, and all of them.
 *
 * @param layer digest of the blob
 * @param phase what happens to it
 * @param done of the layer, compressed as it travels
 * @param size of the layer
 * @param allDone of all layers, those included that need not travel
 * @param allSize of all layers
 */
public record ProgressEvent(
        Digest layer, Phase phase, ByteSize done, ByteSize size, ByteSize allDone, ByteSize allSize) {
    /** What happens to a layer. */
    public enum Phase {
        /** For its turn, or for somebody else who fetches it. */
        WAITING,
        /** It is unpacked meanwhile. */
        DOWNLOADING,
        /** After a failure, a while later; what came is kept. */
        RETRYING,
        /** What an earlier pull had fetched of it is read again. */
        VERIFYING,
        /** All of it has come. */
        UNPACKING,
        UPLOADING,
        /** The other side has it already. */
        EXISTS,
        DONE
    }

    /** As in {@code sha256:4f5a1c2d3e4f downloading 12.0 MiB of 60.5 MiB, in all 30.1 MiB of 131.0 MiB}. */
    @Override
    public String toString() {
        return layer.algorithm() + ":" + layer.abbreviated() + " "
                + phase.name().toLowerCase(Locale.ROOT) + " " + done + " of " + size + ", in all " + allDone + " of "
                + allSize;
    }
}
