package dev.cais;

import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * A range of addresses that begin with the same bits, IPv4 or IPv6.
 *
 * @param address the first of them: all bits behind the prefix are 0
 * @param prefix how many bits they share: 0 to 32, or to 128
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4632#section-3.1">RFC 4632, 3.1</a>
 */
public record Subnet(InetAddress address, int prefix) {
    private static final Pattern V4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
    private static final Pattern V6 = Pattern.compile("[0-9a-fA-F:]*:[0-9a-fA-F:]*(\\.?[0-9.]*)");
    private static final int LONGEST_TEXT = 64;

    public Subnet {
        var bytes = address.getAddress();
        if (prefix < 0 || prefix > bytes.length * Byte.SIZE) {
            throw new InvalidSpecException("cannot use subnet " + address.getHostAddress() + "/" + prefix
                    + ": the prefix is not 0 to " + bytes.length * Byte.SIZE);
        }
        var first = masked(bytes, prefix);
        if (!Arrays.equals(bytes, first)) {
            throw new InvalidSpecException(
                    "cannot use subnet " + address.getHostAddress() + "/" + prefix
                            + ": the address has bits behind the prefix",
                    "write " + of(first).getHostAddress() + "/" + prefix);
        }
    }

    /** @param text as {@code 10.1.2.0/24} or {@code fd00:1::/64} */
    public static Subnet parse(String text) {
        var slash = text.indexOf('/');
        if (text.length() > LONGEST_TEXT
                || slash < 0
                || !text.substring(slash + 1).matches("[0-9]{1,3}")) {
            throw new InvalidSpecException(
                    "cannot read subnet '" + text + "': it is not as 10.1.2.0/24 or fd00:1::/64");
        }
        return new Subnet(parseAddress(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
    }

    /**
     * Reads an address without asking for names.
     *
     * @param text as {@code 10.1.2.3} or {@code fd00::1}
     */
    public static InetAddress parseAddress(String text) {
        if (text.length() <= LONGEST_TEXT
                && (V4.matcher(text).matches() || V6.matcher(text).matches())) {
            try {
                return InetAddress.getByName(text);
            } catch (UnknownHostException e) {
                // said below
            }
        }
        throw new InvalidSpecException("cannot read address '" + text + "': it is not as 10.1.2.3 or fd00::1");
    }

    public boolean isIpv6() {
        return address.getAddress().length == 16;
    }

    public boolean contains(InetAddress other) {
        var bytes = other.getAddress();
        return bytes.length == address.getAddress().length
                && Arrays.equals(masked(bytes, prefix), address.getAddress());
    }

    /** Whether they have an address in common. */
    public boolean overlaps(Subnet other) {
        return contains(other.address) || other.contains(address);
    }

    /** How many addresses: at least 1. */
    public BigInteger size() {
        return BigInteger.ONE.shiftLeft(address.getAddress().length * Byte.SIZE - prefix);
    }

    /**
     * The address so many behind the first.
     *
     * @throws IllegalArgumentException if that is outside
     */
    public InetAddress address(long index) {
        var offset = BigInteger.valueOf(index);
        if (index < 0 || offset.compareTo(size()) >= 0) {
            throw new IllegalArgumentException(this + " has no address " + index);
        }
        var sum = new BigInteger(1, address.getAddress()).add(offset).toByteArray();
        var bytes = new byte[address.getAddress().length];
        for (var i = 1; i <= Math.min(bytes.length, sum.length); i++) {
            bytes[bytes.length - i] = sum[sum.length - i];
        }
        return of(bytes);
    }

    private static byte[] masked(byte[] bytes, int prefix) {
        var masked = bytes.clone();
        for (var i = 0; i < masked.length; i++) {
            var kept = Math.max(0, Math.min(Byte.SIZE, prefix - i * Byte.SIZE));
            masked[i] &= (byte) (0xff00 >> kept);
        }
        return masked;
    }

    private static InetAddress of(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** {@code 10.1.2.0/24}. */
    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefix;
    }
}
