/**
 * Names: what containers ask, answered in the JVM.
 *
 * <p>A launch program opens a socket of UDP and one of TCP on 127.0.0.11:53 inside the container's network namespace and hands
 * both over. So whoever asks is known by the socket, no port of the host is taken, and no firewall stands in between. A {@link
 * dev.cais.network.dns.Resolver} watches them in the engine's event loop. Names of containers come from {@link
 * dev.cais.network.dns.Zone zones}, immutable views that a network replaces whenever somebody joins or leaves; all else goes to the
 * servers of the host's {@link dev.cais.network.dns.ResolvConf resolv.conf}, from the host's namespace, where the JVM is: so a
 * resolver on the host's loopback (systemd-resolved, dnsmasq, a VPN's) works as it does for the host. Nothing is cached.
 *
 * <p>Implements of RFC 1035 what a stub resolver and a forwarder need, RFC 6891 (EDNS), RFC 7766 (TCP), RFC 5452 (answers matched to
 * what was asked), RFC 4343 (case). Containers are hostile: what one may have open, waiting or in memory is bounded.
 */
@NullMarked
package dev.cais.network.dns;

import org.jspecify.annotations.NullMarked;
