/**
 * What containers write, kept and passed on.
 *
 * <p>The event loop hands each read of a pipe to an {@link dev.cais.runtime.log.OutputLog}, which appends it to files of the
 * container's directory: in a compact form, or as Docker's {@code json-file} writes it. Everything else reads those files, at its
 * own pace and on its own thread: {@link dev.cais.Logs}, consumers, and the sinks of {@link dev.cais.LogDriver}s that send lines
 * over a network. So no reader ever holds up a container, and what a slow one can miss is bounded by the rotation of files, and
 * counted.
 *
 * <p>Appending to a log belongs to the loop's thread; reading to any, a reader to one at a time.
 */
@NullMarked
package dev.cais.runtime.log;

import org.jspecify.annotations.NullMarked;
