/**
 * The in-process engine behind {@link dev.cais.Engine#open}.
 *
 * <p>A {@link dev.cais.ContainerSpec} and its image become a {@code Blueprint} (everything decided, nothing done), the blueprint
 * becomes a launch program, the program becomes processes, and their output and ends come back through one event loop.
 * What the kernel does not take back when the JVM dies is carried out by the {@code Will}.
 *
 * <p>{@code LocalContainers} knows a container by its name, {@code ContainerMaking} decides what its spec leaves open. A {@code
 * LocalContainer} is what users hold: its {@code Standing} tells where it is, its {@code Lifecycle} leads it from state to state, its {@code ContainerRuns} make a {@code Run} for
 * each start, {@code Execs} start processes beside the first one.
 *
 * <p>{@code LocalNetworks} knows a network by its name, {@code NetworkSegments} makes what it is of on the host, and
 * {@code NetworkStack} holds what all of them share there. A container's {@code NetworkSide} joins it to them, and its
 * {@code Departures} go in the background.
 */
@NullMarked
package dev.cais.runtime;

import org.jspecify.annotations.NullMarked;
