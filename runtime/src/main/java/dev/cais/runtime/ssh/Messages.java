package dev.cais.runtime.ssh;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;

/** Messages of the protocol, on a socket with their length before them. */
final class Messages {
    static final int FAILURE = 5;
    static final int REQUEST_IDENTITIES = 11;
    static final int IDENTITIES_ANSWER = 12;
    static final int SIGN_REQUEST = 13;
    static final int SIGN_RESPONSE = 14;

    private static final int LARGEST = 256 * 1024;

    private Messages() {}

    static byte[] failure() {
        return new byte[] {FAILURE};
    }

    static byte[] read(SocketChannel channel) throws IOException {
        var length = fill(channel, ByteBuffer.allocate(Integer.BYTES)).getInt();
        if (length < 1 || length > LARGEST) {
            throw new IOException("a message of " + length + " bytes");
        }
        return fill(channel, ByteBuffer.allocate(length)).array();
    }

    private static ByteBuffer fill(SocketChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                throw new EOFException();
            }
        }
        return buffer.flip();
    }

    static void write(SocketChannel channel, byte[] message) throws IOException {
        var buffer = ByteBuffer.allocate(Integer.BYTES + message.length)
                .putInt(message.length)
                .put(message)
                .flip();
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
