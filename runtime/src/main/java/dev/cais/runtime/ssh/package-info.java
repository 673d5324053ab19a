/**
 * Agents that sign for programs with keys which the programs do not see: an {@link dev.cais.runtime.ssh.SshAgent} is the caller's own
 * behind its socket, or one of ours that has {@link dev.cais.runtime.ssh.SshKey}s of {@link dev.cais.runtime.ssh.KeyFile}s. An {@link
 * dev.cais.runtime.ssh.AgentSocket} lets programs ask one.
 *
 * <p>Not here: encrypted keys (nobody is there to be asked for a passphrase), DSA, certificates, keys in hardware. The caller's own agent
 * has them.
 *
 * @see <a href="https://datatracker.ietf.org/doc/html/draft-miller-ssh-agent">SSH Agent Protocol</a>
 */
@NullMarked
package dev.cais.runtime.ssh;

import org.jspecify.annotations.NullMarked;
