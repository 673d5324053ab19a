package dev.cais.storage;

import dev.cais.Digest;
import java.io.OutputStream;

/** A blob that is being written; hashed on the way, and visible only after {@link #commit()}. For one thread. */
public abstract class BlobWriter extends OutputStream {
    BlobWriter() {}

    @Override
    public abstract void write(byte[] bytes, int offset, int length);

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    /** Bytes so far. */
    public abstract long size();

    /**
     * Checks digest and size if they were promised, and makes the blob visible. If the store has it already, this copy goes.
     *
     * @return the blob's digest
     * @throws dev.cais.CorruptContentException if the content is not what was promised; nothing is kept
     */
    public abstract Digest commit();

    /** Removes what was written, unless it was committed. */
    @Override
    public abstract void close();
}
