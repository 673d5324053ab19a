/**
 * Messages of rtnetlink and nf_tables, written and read by us, and the socket they go through.
 *
 * <p>A {@link Request} is one message without its sequence number: data, which tests compare with what the programs {@code ip}
 * and {@code nft} send. {@link Netlink} sends requests, many at once if that saves round trips, and reads what the kernel
 * answers: an error becomes an exception with the kernel's own explanation. Typed questions and changes are in {@link
 * Rtnetlink} (links, addresses, routes) and {@link Nftables} (tables, chains, rules, sets).
 *
 * <p>A socket belongs to the network namespace in which it was opened, whoever holds it. So the JVM's threads need not change
 * namespaces: a launch program opens a socket inside and hands it over.
 *
 * <p>Answers come from the kernel, but much in them is a container's choice, such as names of links: sizes and counts are bounded,
 * and nothing is read beyond its frame. Requests of the caller's are not checked here beyond what fits.
 *
 * @see <a href="https://man7.org/linux/man-pages/man7/netlink.7.html">netlink(7)</a>
 * @see <a href="https://man7.org/linux/man-pages/man7/rtnetlink.7.html">rtnetlink(7)</a>
 */
@NullMarked
package dev.cais.network.netlink;

import org.jspecify.annotations.NullMarked;
