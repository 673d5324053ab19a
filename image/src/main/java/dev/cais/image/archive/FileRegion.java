package dev.cais.image.archive;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Some bytes in the middle of a file, as a stream with a descriptor of its own. Skipping costs nothing. */
final class FileRegion extends InputStream {
    private final SeekableByteChannel file;
    private long left;

    private FileRegion(SeekableByteChannel file, long length) {
        this.file = file;
        this.left = length;
    }

    static FileRegion open(Path path, long offset, long length) throws IOException {
        var file = Files.newByteChannel(path);
        try {
            file.position(offset);
            return new FileRegion(file, length);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    @Override
    public int read() throws IOException {
        var one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        var count = left == 0 ? -1 : file.read(ByteBuffer.wrap(bytes, offset, (int) Math.min(length, left)));
        left -= Math.max(0, count);
        return count;
    }

    @Override
    public long skip(long count) throws IOException {
        var skipped = Math.max(0, Math.min(count, Math.min(left, file.size() - file.position())));
        file.position(file.position() + skipped);
        left -= skipped;
        return skipped;
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
