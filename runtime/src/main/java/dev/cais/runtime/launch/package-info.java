/**
 * Launch programs: system calls as data, carried out by a process that has nothing of the JVM's.
 *
 * <p>A {@link LaunchProgram} is a list of system calls with their arguments and, for each, the call that follows on success
 * and on failure. A {@link LaunchBuilder} writes it by typed methods, one for each system call, and a {@code DataBlock} holds what they point to. It becomes a tiny static executable, some 150 bytes of
 * code that walks through the list, in a sealed memory file, and {@link Launch} starts that with posix_spawn(3). A call that
 * fails with nobody to handle it reports its number and errno, and the program turns them into a sentence.
 *
 * <p>A {@link Deputy} is a program that stays: it makes system calls for this process, with rights that this process lacks.
 *
 * <p>Not here: what a container's program consists of ({@code runtime}), system call filters ({@code runtime.security}).
 * A builder belongs to one thread; a program may be started by many.
 */
@NullMarked
package dev.cais.runtime.launch;

import org.jspecify.annotations.NullMarked;
