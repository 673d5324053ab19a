package dev.cais.linux;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Room for one datagram of UDP with its addresses, used over and over. For one thread.
 *
 * @see <a href="https://man7.org/linux/man-pages/man2/recvmsg.2.html">recvmsg(2)</a>
 */
public final class Datagram {
    /** No datagram of UDP is longer. */
    public static final int LARGEST = 65_535;

    private static final int ADDRESS = 0;
    private static final int VECTOR = 32;
    private static final int HEADER = 48;
    private static final int CONTROL = 104;
    private static final int CONTROL_SIZE = 64;
    private static final int CMSGHDR = 16;
    private static final int CONTENT = CONTROL + CONTROL_SIZE;

    private final NativeMemory memory = NativeMemory.allocate(CONTENT + LARGEST);
    private final ByteBuffer bytes = memory.bytes();
    private final ByteBuffer address = SocketAddresses.view(memory, ADDRESS, SocketAddresses.SIZE);
    private final ByteBuffer original = SocketAddresses.view(memory, CONTROL + CMSGHDR, SocketAddresses.SIZE);
    private int size;

    /**
     * Receives the next datagram without waiting.
     *
     * @return its size; or an error, negated: {@code EAGAIN} if there is none
     */
    public long receive(Fd socket) {
        header(SocketAddresses.SIZE, LARGEST, CONTROL_SIZE);
        var result = Syscalls.call(Syscall.RECVMSG, socket.number(), memory.address() + HEADER, 0);
        size = (int) Math.max(0, result);
        return result;
    }

    private void header(int addressSize, int contentSize, int controlSize) {
        bytes.putLong(VECTOR, memory.address() + CONTENT).putLong(VECTOR + 8, contentSize);
        bytes.putLong(HEADER, addressSize == 0 ? 0 : memory.address() + ADDRESS)
                .putLong(HEADER + 8, addressSize)
                .putLong(HEADER + 16, memory.address() + VECTOR)
                .putLong(HEADER + 24, 1)
                .putLong(HEADER + 32, controlSize == 0 ? 0 : memory.address() + CONTROL)
                .putLong(HEADER + 40, controlSize);
    }

    /** Who sent what was received. */
    public InetSocketAddress sender() {
        return SocketAddresses.read(address);
    }

    /**
     * The address that it was sent to.
     *
     * @return with port 0 if the socket has {@code IP_PKTINFO} or {@code IPV6_RECVPKTINFO}, with the port too if it has {@code
     *     IP_RECVORIGDSTADDR} or {@code IPV6_RECVORIGDSTADDR} instead; null without any
     */
    public @Nullable InetSocketAddress destination() {
        if (bytes.getLong(HEADER + 40) < CMSGHDR) {
            return null;
        }
        var level = bytes.getInt(CONTROL + 8);
        var type = bytes.getInt(CONTROL + 12);
        if (level == Abi.IPPROTO_IP) {
            return switch (type) {
                case Abi.IP_PKTINFO ->
                    new InetSocketAddress(SocketAddresses.address(bytes, CONTROL + CMSGHDR + 8, 4), 0);
                case Abi.IP_ORIGDSTADDR -> SocketAddresses.read(original);
                default -> null;
            };
        }
        if (level == Abi.IPPROTO_IPV6) {
            return switch (type) {
                case Abi.IPV6_PKTINFO ->
                    new InetSocketAddress(SocketAddresses.address(bytes, CONTROL + CMSGHDR, 16), 0);
                case Abi.IPV6_ORIGDSTADDR -> SocketAddresses.read(original);
                default -> null;
            };
        }
        return null;
    }

    /** A copy of what was received. */
    public byte[] content() {
        var content = new byte[size];
        bytes.get(CONTENT, content);
        return content;
    }

    /** Puts other content in, to be sent. */
    public Datagram content(byte[] content) {
        bytes.put(CONTENT, content);
        size = content.length;
        return this;
    }

    /** @return bytes sent to the address that the socket is connected to; or an error, negated */
    public long send(Fd connected) {
        header(0, size, 0);
        return send(connected.number());
    }

    /**
     * Sends the content without waiting.
     *
     * @param from the address of this host to send it from; null if that is the kernel's choice
     * @return bytes sent; or an error, negated
     */
    public long send(Fd socket, InetSocketAddress to, @Nullable InetAddress from) {
        header(SocketAddresses.put(address, to), size, from == null ? 0 : source(from));
        return send(socket.number());
    }

    private int source(InetAddress from) {
        var long6 = from instanceof Inet6Address;
        var length = CMSGHDR + (long6 ? 20 : 12);
        bytes.putLong(CONTROL, length)
                .putInt(CONTROL + 8, long6 ? Abi.IPPROTO_IPV6 : Abi.IPPROTO_IP)
                .putInt(CONTROL + 12, long6 ? Abi.IPV6_PKTINFO : Abi.IP_PKTINFO);
        if (long6) {
            bytes.put(CONTROL + CMSGHDR, from.getAddress()).putInt(CONTROL + CMSGHDR + 16, 0);
        } else { // struct in_pktinfo: an interface, the source, the destination
            bytes.putInt(CONTROL + CMSGHDR, 0)
                    .put(CONTROL + CMSGHDR + 4, from.getAddress())
                    .putInt(CONTROL + CMSGHDR + 8, 0);
        }
        return length + 7 & ~7;
    }

    private long send(int socket) {
        return Syscalls.call(Syscall.SENDMSG, socket, memory.address() + HEADER, Abi.MSG_NOSIGNAL);
    }
}
