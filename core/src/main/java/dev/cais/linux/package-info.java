/**
 * The kernel seam: system calls through JNA (which has its only home here), error numbers, descriptors, native memory.
 *
 * <p>A raw call returns what the kernel does: the result, or the negated error number. Typed calls throw {@link
 * dev.cais.KernelException}. Nothing here decides anything; callers do.
 */
@NullMarked
package dev.cais.linux;

import org.jspecify.annotations.NullMarked;
