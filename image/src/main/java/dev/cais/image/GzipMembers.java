package dev.cais.image;

import dev.cais.Digest;
import dev.cais.image.oci.Hash;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.Objects;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import org.apache.commons.io.output.CountingOutputStream;

/**
 * Compresses into gzip members, one behind the other, which end where they are told to. The same bytes each time.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc1952">RFC 1952</a>
 */
final class GzipMembers extends OutputStream {
    /** Deflated, no flags, no time, no hints, an unknown system. */
    private static final byte[] HEADER = {0x1f, (byte) 0x8b, Deflater.DEFLATED, 0, 0, 0, 0, 0, 0, (byte) 0xff};

    private static final int TRAILER = 8;

    private final CountingOutputStream target;
    private final Deflater deflater;
    private final CRC32 crc = new CRC32();
    private final MessageDigest plain = Hash.of("sha256");
    private final byte[] buffer = new byte[64 * 1024];
    private long plainSize;
    private boolean isOpen;

    /**
     * Writes to a stream.
     *
     * @param target is not closed
     * @param level 1 to 9; 0 for the usual one
     */
    GzipMembers(OutputStream target, int level) {
        this.target = new CountingOutputStream(target);
        this.deflater = new Deflater(level == 0 ? Deflater.DEFAULT_COMPRESSION : level, true);
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (length == 0) {
            return;
        }
        if (!isOpen) {
            target.write(HEADER);
            isOpen = true;
        }
        plain.update(bytes, offset, length);
        plainSize += length;
        crc.update(bytes, offset, length);
        deflater.setInput(bytes, offset, length);
        while (!deflater.needsInput()) {
            drain();
        }
    }

    private void drain() throws IOException {
        target.write(buffer, 0, deflater.deflate(buffer));
    }

    /** Ends the member; what is written next begins another. */
    void end() throws IOException {
        if (!isOpen) {
            return;
        }
        deflater.finish();
        while (!deflater.finished()) {
            drain();
        }
        target.write(ByteBuffer.allocate(TRAILER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt((int) crc.getValue())
                .putInt((int) deflater.getBytesRead())
                .array());
        deflater.reset();
        crc.reset();
        isOpen = false;
    }

    /** Bytes that were written behind the target's beginning: where the next member begins, if the last one has ended. */
    long offset() {
        return target.getByteCount();
    }

    /** Uncompressed bytes so far. */
    long plainSize() {
        return plainSize;
    }

    /** The digest of all uncompressed bytes; ask once. */
    Digest plainDigest() {
        return Digest.sha256(plain.digest());
    }

    /** Ends the last member. */
    @Override
    public void close() throws IOException {
        try {
            end();
        } finally {
            deflater.end();
        }
    }
}
