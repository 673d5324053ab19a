/**
 * Networks of somebody else's plugins, by the Container Network Interface: {@link dev.cais.network.cni.CniConfiguration} is a
 * configuration list, {@link dev.cais.network.cni.CniNetwork} runs its plugins in turn for a container's network namespace.
 *
 * <p>Plugins are programs of the host, and do what they do as this process's user. What they leave when this process is killed (a
 * lease, a rule of the packet filter) is theirs to find again.
 *
 * @see <a href="https://github.com/containernetworking/cni/blob/v1.1.0/SPEC.md">Container Network Interface 1.0</a>
 */
@NullMarked
package dev.cais.network.cni;

import org.jspecify.annotations.NullMarked;
