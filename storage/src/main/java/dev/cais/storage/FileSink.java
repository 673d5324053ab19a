package dev.cais.storage;

import dev.cais.linux.Fd;
import java.io.OutputStream;

/** The content of a file that is being written. It belongs to the thread of its {@link FileOperations}. */
public abstract class FileSink extends OutputStream {
    @Override
    public abstract void write(byte[] bytes, int offset, int length);

    @Override
    public void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    /**
     * Takes bytes from another file, without a way through the heap.
     *
     * @param source read from its current offset
     * @return how many there were; less than {@code length} if the file ended
     * @throws dev.cais.CancelledException if the thread is interrupted
     */
    public abstract long transferFrom(Fd source, long length);

    /** Leaves a hole of this many bytes, which read as zero and take no space. */
    public abstract void skip(long length);

    /** Ends the content and sets the attributes. */
    public abstract void finish();

    /** Lets go of the file as it is; harmless after {@link #finish()}. */
    @Override
    public abstract void close();
}
