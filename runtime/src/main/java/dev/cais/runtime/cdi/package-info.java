/**
 * Devices that a vendor describes in files of the host, by the Container Device Interface: {@link dev.cais.runtime.cdi.CdiDevices}
 * finds the ones that a spec names, {@link dev.cais.runtime.cdi.CdiDocument} reads a file with its {@link dev.cais.runtime.cdi.CdiDevice}s, and {@link dev.cais.runtime.cdi.CdiEdits}
 * are what a container gets with them.
 *
 * <p>Hooks are programs of the host that would change a container from outside before its start: they are not run, and a {@link
 * dev.cais.Warning} says so.
 *
 * @see <a href="https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md">Container Device Interface 1.0</a>
 */
@NullMarked
package dev.cais.runtime.cdi;

import org.jspecify.annotations.NullMarked;
