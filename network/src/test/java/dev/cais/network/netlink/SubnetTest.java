package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import java.net.Inet4Address;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SubnetTest {
    @ParameterizedTest
    @CsvSource({
        "198.18.4.0/24, 256, 198.18.4.255",
        "198.18.4.7/32, 1, 198.18.4.7",
        "0.0.0.0/0, 4294967296, 255.255.255.255",
        "fd00:18::/112, 65536, fd00:18:0:0:0:0:0:ffff"
    })
    void addressesAreCountedFromTheFirst(String text, long size, String last) {
        var subnet = Subnet.parse(text);
        assertThat(subnet.size()).isEqualTo(size);
        assertThat(subnet.address(size - 1).getHostAddress()).isEqualTo(last);
        assertThat(subnet.indexOf(subnet.address(size - 1))).isEqualTo(size - 1);
        assertThat(Subnet.parse(subnet.toString())).isEqualTo(subnet);
    }

    @Test
    void wideSubnetHasMoreThanCanBeCounted() {
        var subnet = Subnet.parse("fd00:18::/64");
        assertThat(subnet.size()).isEqualTo(Long.MAX_VALUE);
        assertThat(subnet.contains(Subnet.parseAddress("fd00:18::ffff:ffff:ffff:ffff")))
                .isTrue();
        assertThat(subnet.contains(Subnet.parseAddress("fd00:18:0:1::"))).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "198.18.0.0/15, 198.18.4.0/24, true",
        "198.18.4.0/24, 198.18.4.128/25, true",
        "198.18.4.0/24, 198.18.5.0/24, false",
        "0.0.0.0/0, 198.18.5.0/24, true",
        "::/0, 198.18.5.0/24, false",
        "::/96, 0.0.0.0/0, false"
    })
    void overlapGoesBothWays(String one, String other, boolean overlaps) {
        assertThat(Subnet.parse(one).overlaps(Subnet.parse(other))).isEqualTo(overlaps);
        assertThat(Subnet.parse(other).overlaps(Subnet.parse(one))).isEqualTo(overlaps);
    }

    @Test
    void mappedAddressStaysOneOfIpv6() {
        assertThat(Subnet.around(Subnet.address(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 1, 2, 3, 4}), 96))
                .hasToString("0:0:0:0:0:ffff:0:0/96");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "198.18.4.0|cannot use the subnet 198.18.4.0: it has no prefix; write it as 198.18.4.0/24",
                "198.18.4.0/x|cannot use the subnet 198.18.4.0/x: it has no prefix; write it as 198.18.4.0/24",
                "198.18.4.0/33|cannot use the subnet 198.18.4.0/33: the prefix is out of range; choose 0 to 32",
                "198.18.4.1/24|cannot use the subnet 198.18.4.1/24: the address has bits behind the prefix;"
                        + " write 198.18.4.0/24",
                "localhost/24|cannot use the address localhost: it is neither of IPv4 nor of IPv6",
                "198.18.4/24|cannot use the address 198.18.4: it is neither of IPv4 nor of IPv6",
                "198.18.4.256/24|cannot use the address 198.18.4.256: it is neither of IPv4 nor of IPv6",
                "fd00::1::/64|cannot use the address fd00::1::: it is neither of IPv4 nor of IPv6"
            })
    void whatIsNoSubnetIsRefused(String text, String message) {
        assertThatThrownBy(() -> Subnet.parse(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "02:42:c6:12:00|cannot use the MAC address 02:42:c6:12:00: it is not six bytes in hexadecimal",
                "03:42:c6:12:00:02|cannot use the MAC address 03:42:c6:12:00:02: it is a group's"
            })
    void whatIsNoMacAddressIsRefused(String text, String message) {
        assertThatThrownBy(() -> MacAddress.parse(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(message);
    }

    @Test
    void macAddressFollowsFromIpv4() {
        assertThat(MacAddress.of((Inet4Address) Subnet.parseAddress("198.18.0.2")))
                .hasToString("02:42:c6:12:00:02")
                .isEqualTo(MacAddress.parse("02-42-C6-12-00-02"));
    }
}
