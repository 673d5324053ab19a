package dev.cais;

import java.net.InetAddress;

/**
 * A port of the host that leads to one of a container.
 *
 * @param address of the host that it is on; {@code 0.0.0.0} or {@code ::} for all of that family
 * @param host port of the host
 * @param container port in the container
 * @param relayed whether this process carries what comes there, and the container sees the host as the client: {@code ::1}, an
 *     address of IPv6 where the container has none, and all where the kernel has no nf_tables. Of {@code ::}, what comes to {@code ::1}
 *     is relayed in any case
 */
public record PortBinding(InetAddress address, int host, int container, Protocol protocol, boolean relayed) {
    static String shown(InetAddress address) {
        var text = address.getHostAddress();
        return text.indexOf(':') >= 0 ? "[" + text + "]" : text;
    }

    /** {@code 127.0.0.1:49153->6379/tcp}, and {@code [::1]:49153->6379/tcp, relayed}. */
    @Override
    public String toString() {
        return shown(address) + ":" + host + "->" + container + "/" + protocol.word() + (relayed ? ", relayed" : "");
    }
}
