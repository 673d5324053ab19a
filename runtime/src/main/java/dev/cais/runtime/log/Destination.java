package dev.cais.runtime.log;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SocketChannel;
import java.util.regex.Pattern;

/**
 * Where lines are sent: {@code tcp://host:port}, {@code udp://host:port}, {@code unix:///path}.
 *
 * @param host or path
 * @param port 0 for a path
 */
record Destination(String protocol, String host, int port) {
    private static final Pattern NETWORK =
            Pattern.compile("(tcp|udp)://([^:/\\[\\]]+|\\[[0-9a-fA-F:.]+])(?::([0-9]{1,5}))?");
    private static final Pattern UNIX = Pattern.compile("(unix|unixgram)://(/.+)");

    /** The address in an option. */
    static Destination parse(LogOptions options, String key, String standard, int standardPort) {
        var text = options.text(key, standard);
        var unix = UNIX.matcher(text);
        if (unix.matches()) {
            return new Destination(unix.group(1), unix.group(2), 0);
        }
        var network = NETWORK.matcher(text);
        var port = network.matches() && network.group(3) != null ? Integer.parseInt(network.group(3)) : standardPort;
        if (!network.matches() || port < 1 || port > 65535) {
            throw options.wrong(key, "is no address as tcp://host:port, udp://host:port or unix:///path");
        }
        return new Destination(network.group(1), network.group(2).replaceAll("[\\[\\]]", ""), port);
    }

    private SocketAddress address() throws IOException {
        if (port == 0) {
            return UnixDomainSocketAddress.of(host);
        }
        var address = new InetSocketAddress(host, port);
        if (address.isUnresolved()) {
            throw new IOException("host " + host + " is not known");
        }
        return address;
    }

    /** A connection by tcp or a unix stream socket; the thread's interruption closes it. */
    SocketChannel connect() throws IOException {
        try {
            var address = address();
            return address instanceof InetSocketAddress
                    ? SocketChannel.open(address)
                    : SocketChannel.open(UnixDomainSocketAddress.of(host));
        } catch (IOException e) {
            throw new IOException("cannot connect to " + this + ": " + e.getMessage(), e);
        }
    }

    DatagramChannel connectDatagrams() throws IOException {
        var address = (InetSocketAddress) address();
        var family = address.getAddress() instanceof java.net.Inet6Address
                ? StandardProtocolFamily.INET6
                : StandardProtocolFamily.INET;
        var channel = DatagramChannel.open(family);
        try {
            return channel.connect(address);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    @Override
    public String toString() {
        return protocol + "://" + (host.contains(":") ? "[" + host + "]" : host) + (port == 0 ? "" : ":" + port);
    }
}
