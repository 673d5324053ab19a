/**
 * The image {@code cais/host}: made of what this host has, so that something runs where nothing can be pulled.
 *
 * <p>A shell and a set of small programs are looked up in {@code PATH}. {@link dev.cais.image.host.ElfFile} reads from each
 * which interpreter and which libraries it asks for, {@link dev.cais.image.host.SharedLibraries} finds them as the dynamic
 * loader would, and {@link dev.cais.image.host.HostTree} collects the files with all directories and symbolic links on
 * the way to them. So everything stands where it stands on the host, be that {@code /usr/bin}, {@code /bin} or {@code
 * /nix/store}. Users, groups and {@code /tmp} are made up; nothing else of the host gets in.
 *
 * <p>Implements the parts of the ELF specification (gABI 4.1, chapter 5, Dynamic Linking) and of ld.so(8) that this takes. The
 * host's files are trusted not to be hostile, but not to be valid. Everything belongs to one thread.
 */
@NullMarked
package dev.cais.image.host;

import org.jspecify.annotations.NullMarked;
