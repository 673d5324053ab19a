/**
 * Published ports that the JVM serves: where nf_tables is missing or forbidden, and for {@code ::1}, which the kernel does not
 * forward.
 *
 * <p>A {@link dev.cais.network.relay.ReservedPort} is bound when it is chosen, and stays so: nobody can take it in between. A {@link
 * dev.cais.network.relay.Relay} accepts its connections in the engine's event loop and moves their bytes with splice(2) from socket to
 * pipe to socket, so they never enter the JVM. A connection has a pipe only while bytes are stuck in it; thousands that are idle
 * cost two descriptors each. An end of one side is passed on as an end, a reset as a reset. Of UDP, each client has a socket of its own
 * towards the container, until it has been silent for a while.
 *
 * <p>Unlike with nf_tables, the container sees the host's address instead of the client's.
 */
@NullMarked
package dev.cais.network.relay;

import org.jspecify.annotations.NullMarked;
