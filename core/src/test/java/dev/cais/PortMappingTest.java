package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PortMappingTest {
    @ParameterizedTest
    @CsvSource({
        "80, 127.0.0.1::80/tcp",
        "8080:80, 127.0.0.1:8080:80/tcp",
        "53:53/udp, 127.0.0.1:53:53/udp",
        "0.0.0.0:8080:80, 0.0.0.0:8080:80/tcp",
        "0.0.0.0::80/sctp, 0.0.0.0::80/sctp",
        "[fd00::1]:8080:80, '[fd00:0:0:0:0:0:0:1]:8080:80/tcp'",
        "8000-8009:80, 127.0.0.1:8000-8009:80/tcp"
    })
    void oneIsReadAsDockerReadsIt(String text, String shown) {
        assertThat(PortMapping.parse(text)).singleElement().hasToString(shown);
    }

    @Test
    void rangesGoTogetherOneByOne() {
        assertThat(PortMapping.parse("8000-8001:90-91/udp"))
                .hasToString("[127.0.0.1:8000:90/udp, 127.0.0.1:8001:91/udp]");
        assertThat(PortMapping.parse("90-91")).hasToString("[127.0.0.1::90/tcp, 127.0.0.1::91/tcp]");
    }

    @Test
    void severalAddressesHaveOnePort() {
        assertThat(PortMapping.of(80).on("0.0.0.0", "::").hostRange(8000, 8009))
                .hasToString("0.0.0.0,[0:0:0:0:0:0:0:0]:8000-8009:80/tcp");
    }

    @Test
    void mistakesAreExplained() {
        assertThatThrownBy(() -> ContainerSpec.of("busybox").publish(70_000, 80))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish a port: host port is out of range [ports.host=70000]; choose 1 to 65535");
        assertThatThrownBy(() -> PortMapping.parse("8000-8002:90-91"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot read published port '8000-8002:90-91': a range of the container's ports is not empty, and"
                                + " the host's, if given, is as long");
        assertThatThrownBy(() -> PortMapping.parse("80/icmp"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot read published port '80/icmp': icmp is none of tcp, udp, sctp");
        assertThatThrownBy(() -> PortMapping.parse("fd00::1:80:80"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot read published port 'fd00::1:80:80': it is not as 80, 8080:80, 127.0.0.1:8080:80/tcp or"
                                + " 8000-8009:80; an IPv6 address stands in brackets");
        assertThatThrownBy(() -> ContainerSpec.of("busybox").publish(80).noNetwork())
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish a port: the container is on no network of its own (none)");
        assertThatThrownBy(() -> ContainerSpec.of("busybox").publish(80).hostNetwork())
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot publish a port: the container is on no network of its own (host)");
    }
}
