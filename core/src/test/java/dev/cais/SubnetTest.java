package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SubnetTest {
    @ParameterizedTest
    @CsvSource({
        "10.1.2.0/24, 10.1.2.255, 10.1.3.0",
        "198.18.0.0/15, 198.19.255.255, 198.20.0.0",
        "10.1.2.4/30, 10.1.2.7, 10.1.2.8",
        "10.1.2.3/32, 10.1.2.3, 10.1.2.4",
        "fd00:1::/64, fd00:1::ffff, fd00:1:0:1::",
        "fc00::/7, fdff::1, fe00::1"
    })
    void holdsTheAddressesThatBeginLikeIt(String text, String inside, String outside) {
        var subnet = Subnet.parse(text);

        assertThat(subnet.contains(Subnet.parseAddress(inside))).isTrue();
        assertThat(subnet.contains(Subnet.parseAddress(outside))).isFalse();
        assertThat(Subnet.parse(subnet.toString())).isEqualTo(subnet);
    }

    @Test
    void countsAddressesFromItsFirst() {
        assertThat(Subnet.parse("10.1.254.0/23").address(257).getHostAddress()).isEqualTo("10.1.255.1");
        assertThat(Subnet.parse("fd00::/64").address(65536).getHostAddress()).isEqualTo("fd00:0:0:0:0:0:1:0");
        assertThat(Subnet.parse("fd00::/64").indexOf(Subnet.parseAddress("fd00::1:0")))
                .isEqualTo(65536);
        assertThat(Subnet.around(Subnet.parseAddress("10.1.2.3"), 16)).isEqualTo(Subnet.parse("10.1.0.0/16"));
        assertThat(Subnet.parse("10.0.0.0/8").size()).isEqualTo(1L << 24);
        assertThatThrownBy(() -> Subnet.parse("10.1.2.0/30").address(4))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("10.1.2.0/30 has no address 4");
    }

    @Test
    void overlapsWhatHoldsItAndWhatItHolds() {
        var subnet = Subnet.parse("10.1.2.0/24");

        assertThat(subnet.overlaps(Subnet.parse("10.0.0.0/8"))).isTrue();
        assertThat(Subnet.parse("0.0.0.0/0").overlaps(subnet)).isTrue();
        assertThat(subnet.overlaps(Subnet.parse("10.1.3.0/24"))).isFalse();
        assertThat(subnet.overlaps(Subnet.parse("::/0"))).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "10.1.2.0", "10.1.2.0/", "10.1.2.0/x", "/24", "example.org/24", "10.1.2/24"})
    void otherTextIsRefused(String text) {
        assertThatThrownBy(() -> Subnet.parse(text)).isInstanceOf(InvalidSpecException.class);
    }

    @Test
    void aMistakeIsExplained() {
        assertThatThrownBy(() -> Subnet.parse("10.1.2.3/24"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot use the subnet 10.1.2.3/24: the address has bits behind the prefix; write 10.1.2.0/24");
        assertThatThrownBy(() -> Subnet.parse("10.1.2.0/33"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use the subnet 10.1.2.0/33: the prefix is out of range; choose 0 to 32");
        assertThatThrownBy(() -> Subnet.parse("300.1.2.0/24"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use the address 300.1.2.0: it is neither of IPv4 nor of IPv6");
    }
}
