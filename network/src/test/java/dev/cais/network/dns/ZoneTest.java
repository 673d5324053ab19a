package dev.cais.network.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ZoneTest {
    private static final ZoneEntry WEB = entry("Web", "10.0.0.2", "fd00::2");
    private static final ZoneEntry API = entry("api", "10.0.0.3");

    @Test
    void nameGivesAddressesOfOneKind() {
        var zone = Zone.of(List.of(WEB, API));
        assertThat(zone.addresses("web", false)).contains(List.of(address("10.0.0.2")));
        assertThat(zone.addresses("web", true)).contains(List.of(address("fd00::2")));
        assertThat(zone.addresses("api", true)).contains(List.of());
        assertThat(zone.addresses("db", true)).isEqualTo(Optional.empty());
    }

    @Test
    void changedZoneLeavesTheOldOneAsItWas() {
        var one = Zone.EMPTY.with(WEB);
        var two = one.with(API);
        assertThat(one.knows("api")).isFalse();
        assertThat(two.knows("api")).isTrue();
        assertThat(two.without(WEB).knows("web")).isFalse();
        assertThat(two.without(WEB).without(WEB)).hasToString("Zone{api=[/10.0.0.3]}");
    }

    @Test
    void sharedNameGivesItsAddressesInRotationForEachKind() {
        var zone = Zone.of(List.of(entry("s", "10.0.0.2", "fd00::2"), entry("s", "10.0.0.3", "fd00::3")));
        for (var ipv6 : List.of(false, true)) {
            var first = zone.addresses("s", ipv6).orElseThrow();
            var second = zone.addresses("s", ipv6).orElseThrow();
            assertThat(first).hasSize(2);
            assertThat(second).containsExactly(first.get(1), first.get(0));
            assertThat(zone.addresses("s", ipv6)).contains(first);
        }
    }

    @Test
    void addressHasTheFirstNameOfEachWhoHasIt() {
        var zone = Zone.of(List.of(
                new ZoneEntry(List.of("web.backend", "web"), List.of(address("10.0.0.2"))),
                entry("other", "10.0.0.2")));
        assertThat(zone.names(address("10.0.0.2"))).containsExactly("web.backend", "other");
        assertThat(zone.names(address("10.0.0.9"))).isEmpty();
    }

    @Test
    void labelsHaveUpTo63Bytes() {
        var longest = "a".repeat(63);
        assertThat(Zone.EMPTY.with(entry(longest, "10.0.0.2")).knows(longest)).isTrue();
        assertThatThrownBy(() -> entry("a" + longest, "10.0.0.2"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot name somebody on a network: a label of it is longer than 63 bytes [name=a" + longest
                        + "]; choose another name");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "web..backend|it has an empty label",
                "web.|it has an empty label",
                "''|it has an empty label",
                "we b|letters, digits, - and _ are allowed, with dots between labels",
                "wéb|letters, digits, - and _ are allowed, with dots between labels",
            })
    void whatIsNoNameIsRefused(String name, String why) {
        assertThatThrownBy(() -> entry(name, "10.0.0.2"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot name somebody on a network: " + why + " [name=" + name + "]; choose another name");
    }

    @Test
    void nameOf253BytesIsTheLongest() {
        var name = ("a".repeat(49) + ".").repeat(5) + "abc";
        assertThat(name).hasSize(253);
        assertThat(entry(name, "10.0.0.2").names()).containsExactly(name);
        assertThatThrownBy(() -> entry(name + "d", "10.0.0.2"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot name somebody on a network: it is longer than 253 bytes [name=aaa");
    }

    private static ZoneEntry entry(String name, String... addresses) {
        return new ZoneEntry(
                List.of(name),
                List.of(addresses).stream().map(ZoneTest::address).toList());
    }

    static InetAddress address(String literal) {
        try {
            return InetAddress.getByName(literal);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
