package dev.cais.linux;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The kernel's form of addresses: {@code sockaddr_in} and {@code sockaddr_in6}. */
final class SocketAddresses {
    /** Of the longer one. */
    static final int SIZE = 28;

    private static final int SHORT_SIZE = 16;

    private SocketAddresses() {}

    static int family(InetAddress address) {
        return address instanceof Inet6Address ? Abi.AF_INET6 : Abi.AF_INET;
    }

    /** @return how many bytes the address takes, from the buffer's start */
    static int put(ByteBuffer buffer, InetSocketAddress socketAddress) {
        var address = socketAddress.getAddress();
        buffer.putShort(0, (short) family(address)).putShort(2, Short.reverseBytes((short) socketAddress.getPort()));
        if (address instanceof Inet6Address longAddress) {
            buffer.putInt(4, 0).put(8, address.getAddress()).putInt(24, longAddress.getScopeId());
            return SIZE;
        }
        buffer.put(4, address.getAddress()).putLong(8, 0);
        return SHORT_SIZE;
    }

    /** The address at the buffer's start. */
    static InetSocketAddress read(ByteBuffer buffer) {
        var port = Short.toUnsignedInt(Short.reverseBytes(buffer.getShort(2)));
        var family = buffer.getShort(0);
        return switch (family) {
            case Abi.AF_INET -> new InetSocketAddress(address(buffer, 4, 4), port);
            case Abi.AF_INET6 -> new InetSocketAddress(scoped(address(buffer, 8, 16), buffer.getInt(24)), port);
            default -> throw new IllegalArgumentException("not an address of IP: family " + family);
        };
    }

    static InetAddress address(ByteBuffer buffer, int offset, int length) {
        var bytes = new byte[length];
        buffer.get(offset, bytes);
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    private static InetAddress scoped(InetAddress address, int scope) {
        try {
            return scope == 0 ? address : Inet6Address.getByAddress(null, address.getAddress(), scope);
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A view of native memory that starts at an offset. */
    static ByteBuffer view(NativeMemory memory, int offset, int size) {
        return memory.bytes().slice(offset, size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
