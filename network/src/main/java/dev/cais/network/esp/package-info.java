/**
 * Traffic of a VXLAN between hosts, encrypted by the kernel.
 *
 * <p>The hosts share a secret and do not talk about keys: {@link dev.cais.network.esp.EspKeys} derives them for each direction between two
 * hosts and each hour. {@link dev.cais.network.esp.VxlanEncryption} tells the kernel what to encrypt and to decrypt, by messages of
 * {@code dev.cais.network.netlink}, changes keys when an hour is over, and knows the messages that take all of it back.
 */
@NullMarked
package dev.cais.network.esp;

import org.jspecify.annotations.NullMarked;
