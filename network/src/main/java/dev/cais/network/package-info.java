/**
 * What networks of containers need of the host: a packet filter, and settings of its kernel.
 *
 * <p>{@link Firewall} is one table of nf_tables per engine, with networks and published ports as elements of its sets. {@link
 * HostSettings} are the few switches that only files in {@code /proc/sys} have. Links, addresses and routes are requests of
 * {@code dev.cais.network.netlink}; names are in {@code dns}, bytes that the kernel does not forward in {@code relay}. Not here: which
 * networks there are, and who is on them.
 */
@NullMarked
package dev.cais.network;

import org.jspecify.annotations.NullMarked;
