package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.image.oci.Hash;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;

/** A stream that knows the digest of all that was read from it. What is skipped is read, too. */
public final class HashedContent extends FilterInputStream {
    private final String algorithm;
    private final MessageDigest hash;

    /** @param algorithm {@code sha256} or {@code sha512} */
    public HashedContent(InputStream content, String algorithm) {
        super(content);
        this.algorithm = algorithm;
        this.hash = Hash.of(algorithm);
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        var count = in.read(bytes, offset, length);
        if (count > 0) {
            hash.update(bytes, offset, count);
        }
        return count;
    }

    /** Skips nothing: whoever must get on has to read. */
    @Override
    public long skip(long count) {
        return 0;
    }

    @Override
    public boolean markSupported() {
        return false;
    }

    /** Of what was read so far. Nothing may be read afterwards. */
    public Digest digest() {
        return new Digest(algorithm, HexFormat.of().formatHex(hash.digest()));
    }

    /**
     * Checks that this is the end, and that all that was read is what a digest says.
     *
     * @param what for messages, as in {@code layer sha256:4f5a1c…}
     * @throws CorruptContentException if it is not
     */
    public void verify(Digest expected, String what) throws IOException {
        if (in.read() >= 0) {
            throw new CorruptContentException("cannot use " + what + ": its content is longer than it should be");
        }
        Hash.requireSame(expected, digest(), what);
    }
}
