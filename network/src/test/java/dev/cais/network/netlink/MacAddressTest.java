package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.Subnet;
import java.net.Inet4Address;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MacAddressTest {
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
