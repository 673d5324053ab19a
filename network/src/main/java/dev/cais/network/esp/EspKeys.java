package dev.cais.network.esp;

import dev.cais.NetworkDriver.Vxlan;
import dev.cais.VxlanSecret;
import dev.cais.network.netlink.EspState;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;

/**
 * The keys of a VXLAN, which all of its hosts derive from what they share.
 *
 * <p>A key is for one direction between two hosts and one hour, and has its number in packets from the same derivation. A host that starts
 * anew within an hour has the key of before. So it begins to count where the time is: with more than a million for each second of the hour
 * that is over, so that the others take it for no repetition. What AES-GCM must never use twice with one key is the kernel's: the number
 * of the packet, mixed with 64 bits that it draws for each state.
 */
final class EspKeys {
    /** How long a key is used to send. */
    static final Duration PERIOD = Duration.ofHours(1);

    private static final byte[] SALT = "cais vxlan esp 1".getBytes(StandardCharsets.US_ASCII);
    private static final int AES_KEY_AND_SALT = 36;
    /** Of 2^32 numbers in an hour. */
    private static final long PER_MILLISECOND = 1193;
    /** Those below are reserved (RFC 4303, 2.1). */
    private static final int LEAST_SPI = 256;

    private final Vxlan vxlan;
    private final VxlanSecret secret;

    EspKeys(Vxlan vxlan, VxlanSecret secret) {
        this.vxlan = vxlan;
        this.secret = secret;
    }

    /** The number of the period that a moment is in. */
    static long period(Instant moment) {
        return Math.floorDiv(moment.getEpochSecond(), PERIOD.toSeconds());
    }

    /** When that period begins. */
    static Instant begin(long period) {
        return Instant.ofEpochSecond(Math.multiplyExact(period, PERIOD.toSeconds()));
    }

    /** For what this host sends in a period from a moment of it on. */
    EspState outgoing(InetAddress to, long period, Instant from) {
        var passed = Duration.between(begin(period), from).toMillis();
        return state(vxlan.local(), to, period, (int) (passed * PER_MILLISECOND));
    }

    /** For what another host sends in a period. */
    EspState incoming(InetAddress from, long period) {
        return state(from, vxlan.local(), period, 0);
    }

    private EspState state(InetAddress from, InetAddress to, long period, int sent) {
        var source = from.getAddress();
        var destination = to.getAddress();
        var purpose = ByteBuffer.allocate(2 * Integer.BYTES + Long.BYTES + source.length + destination.length)
                .putInt(vxlan.id())
                .putInt(vxlan.port())
                .putLong(period)
                .put(source)
                .put(destination)
                .array();
        var derived = Hkdf.derive(secret.content(), SALT, purpose, AES_KEY_AND_SALT + Integer.BYTES);
        var spi = ByteBuffer.wrap(derived).getInt(AES_KEY_AND_SALT);
        if (Integer.compareUnsigned(spi, LEAST_SPI) < 0) {
            spi += LEAST_SPI;
        }
        return new EspState(from, to, spi, vxlan.id(), Arrays.copyOf(derived, AES_KEY_AND_SALT), sent);
    }
}
