/**
 * What a contained process may do: capabilities, system call filters, hidden paths, namespaced sysctls.
 *
 * <p>A {@link dev.cais.runtime.security.SeccompFilter} is compiled here from a profile in Docker's JSON format to the classic
 * BPF program that the kernel loads; nothing of it is decided at run time, so equal profiles and capabilities share one
 * program. Everything in this package is immutable and may be used by many threads.
 *
 * <p>Not here: who applies it and when (the launch program), and device access, which is a control group's.
 */
@NullMarked
package dev.cais.runtime.security;

import org.jspecify.annotations.NullMarked;
