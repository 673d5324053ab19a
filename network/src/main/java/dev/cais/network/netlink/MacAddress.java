package dev.cais.network.netlink;

import dev.cais.InvalidSpecException;
import java.net.Inet4Address;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** The address of a link on an Ethernet. */
public final class MacAddress {
    private static final Pattern TEXT = Pattern.compile("[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}");
    private static final HexFormat COLONS = HexFormat.ofDelimiter(":");
    private static final int SIZE = 6;

    private final byte[] bytes;

    private MacAddress(byte[] bytes) {
        this.bytes = bytes;
    }

    /**
     * Reads {@code 02:42:c6:12:00:02}.
     *
     * @throws InvalidSpecException if it is none, or one of a group of links
     */
    public static MacAddress parse(String text) {
        if (!TEXT.matcher(text).matches()) {
            throw new InvalidSpecException(
                    "cannot use the MAC address " + text + ": it is not six bytes in hexadecimal");
        }
        var bytes = COLONS.parseHex(text.replace('-', ':'));
        if ((bytes[0] & 1) != 0) {
            throw new InvalidSpecException("cannot use the MAC address " + text + ": it is a group's");
        }
        return new MacAddress(bytes);
    }

    /** The one that Docker gives to who has that IPv4 address: a neighbour that remembers it is right. */
    public static MacAddress of(Inet4Address address) {
        var bytes = new byte[] {0x02, 0x42, 0, 0, 0, 0};
        System.arraycopy(address.getAddress(), 0, bytes, 2, 4);
        return new MacAddress(bytes);
    }

    /** @param bytes six */
    static MacAddress of(byte[] bytes) {
        return new MacAddress(Arrays.copyOf(bytes, SIZE));
    }

    byte[] toBytes() {
        return bytes.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MacAddress mac && Arrays.equals(bytes, mac.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    /** {@code 02:42:c6:12:00:02}. */
    @Override
    public String toString() {
        return COLONS.formatHex(bytes);
    }
}
