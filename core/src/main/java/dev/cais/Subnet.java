package dev.cais;

import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/**
 * All addresses that begin with the same bits: {@code 198.18.4.0/24}.
 *
 * @param address the first
 * @param prefix how many bits, up to 32 or 128
 * @see <a href="https://www.rfc-editor.org/rfc/rfc4632#section-3.1">RFC 4632, 3.1</a>
 */
public record Subnet(InetAddress address, int prefix) {
    private static final int LONGEST_TEXT = 64;

    private static final String BYTE = "(0{0,2}\\d|0?[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])";
    /** Addresses are never looked up as names, as the JDK would do with 300.1.2.3. */
    private static final Pattern ADDRESS = Pattern.compile(BYTE + "(\\." + BYTE + "){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*");

    /** @throws InvalidSpecException if the address has bits behind the prefix, or there are not that many */
    public Subnet {
        if (prefix < 0 || prefix > bits(address)) {
            throw new InvalidSpecException("cannot use the subnet " + address.getHostAddress() + "/" + prefix
                    + ": the prefix is out of range; choose 0 to " + bits(address));
        }
        var first = first(address, prefix);
        if (!first.equals(address)) {
            throw new InvalidSpecException("cannot use the subnet " + address.getHostAddress() + "/" + prefix
                    + ": the address has bits behind the prefix; write " + first.getHostAddress() + "/" + prefix);
        }
    }

    /**
     * Reads {@code 198.18.4.0/24} or {@code fd00:18::/64}.
     *
     * @throws InvalidSpecException if it is none
     */
    public static Subnet parse(String text) {
        var slash = text.indexOf('/');
        if (slash < 0
                || text.length() > LONGEST_TEXT
                || !text.substring(slash + 1).matches("\\d{1,3}")) {
            throw new InvalidSpecException(
                    "cannot use the subnet " + text + ": it has no prefix; write it as 198.18.4.0/24");
        }
        return new Subnet(parseAddress(text.substring(0, slash)), Integer.parseInt(text.substring(slash + 1)));
    }

    /**
     * Reads an address.
     *
     * @throws InvalidSpecException if it is none, a name included
     */
    public static InetAddress parseAddress(String text) {
        if (text.length() <= LONGEST_TEXT && ADDRESS.matcher(text).matches()) {
            try {
                return InetAddress.getByName(text);
            } catch (UnknownHostException e) {
                // not an address after all
            }
        }
        throw new InvalidSpecException("cannot use the address " + text + ": it is neither of IPv4 nor of IPv6");
    }

    /** That with these bits and the subnet's rest. */
    public static Subnet around(InetAddress address, int prefix) {
        return new Subnet(first(address, prefix), prefix);
    }

    private static InetAddress first(InetAddress address, int prefix) {
        var bytes = address.getAddress();
        for (var bit = prefix; bit < bytes.length * 8; bit++) {
            bytes[bit / 8] &= (byte) ~(0x80 >> bit % 8);
        }
        return address(bytes);
    }

    private static int bits(InetAddress address) {
        return address instanceof Inet4Address ? 32 : 128;
    }

    /** @param bytes 4 or 16 */
    public static InetAddress address(byte[] bytes) {
        try {
            return bytes.length == 4
                    ? InetAddress.getByAddress(bytes)
                    : Inet6Address.getByAddress(null, bytes, -1); // a mapped IPv4 address stays one of IPv6
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(bytes.length + " bytes are no address", e);
        }
    }

    public boolean isIpv6() {
        return bits(address) == 128;
    }

    /** How many addresses it has, the first and the last included; at most {@link Long#MAX_VALUE}. */
    public long size() {
        var rest = bits(address) - prefix;
        return rest < 63 ? 1L << rest : Long.MAX_VALUE;
    }

    /** @param index from 0, the subnet's own address */
    public InetAddress address(long index) {
        if (index < 0 || index >= size()) {
            throw new IllegalArgumentException(this + " has no address " + index);
        }
        var number = number(address).add(BigInteger.valueOf(index)).toByteArray();
        var bytes = new byte[bits(address) / 8];
        var length = Math.min(number.length, bytes.length);
        System.arraycopy(number, number.length - length, bytes, bytes.length - length, length);
        return address(bytes);
    }

    /** Where an address of this subnet stands; the inverse of {@link #address(long)}. */
    public long indexOf(InetAddress other) {
        if (!contains(other)) {
            throw new IllegalArgumentException(this + " does not contain " + other.getHostAddress());
        }
        return number(other)
                .subtract(number(address))
                .min(BigInteger.valueOf(Long.MAX_VALUE))
                .longValue();
    }

    private static BigInteger number(InetAddress address) {
        return new BigInteger(1, address.getAddress());
    }

    public boolean contains(InetAddress other) {
        return bits(other) == bits(address) && first(other, prefix).equals(address);
    }

    /** Whether any address is in both. */
    public boolean overlaps(Subnet other) {
        return prefix <= other.prefix ? contains(other.address) : other.contains(address);
    }

    /** {@code 198.18.4.0/24}. */
    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefix;
    }
}
