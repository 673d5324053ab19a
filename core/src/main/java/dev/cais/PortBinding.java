package dev.cais;

import java.net.InetAddress;

/**
 * A port of the host that leads to one of a container.
 *
 * @param address of the host that it is on; {@code 0.0.0.0} or {@code ::} for all of that family
 * @param host port of the host
 * @param container port in the container
 */
public record PortBinding(InetAddress address, int host, int container, Protocol protocol) {
    static String shown(InetAddress address) {
        var text = address.getHostAddress();
        return text.indexOf(':') >= 0 ? "[" + text + "]" : text;
    }

    /** {@code 127.0.0.1:49153->6379/tcp}. */
    @Override
    public String toString() {
        return shown(address) + ":" + host + "->" + container + "/" + protocol.word();
    }
}
