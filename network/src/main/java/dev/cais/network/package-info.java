/**
 * Networks of containers: bridges, addresses, published ports, names. Nothing is here yet: a container has loopback or the
 * host's network.
 *
 * <p>To come: messages of rtnetlink and nftables in {@code dev.cais.network.netlink}, sent through a socket that a launch
 * program opens inside the container's namespace, so that no thread of the JVM ever changes its own.
 */
@NullMarked
package dev.cais.network;

import org.jspecify.annotations.NullMarked;
