package dev.cais.network.esp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.NetworkDriver.Vxlan;
import dev.cais.Subnet;
import dev.cais.VxlanSecret;
import dev.cais.network.netlink.EspState;
import java.net.InetAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class EspKeysTest {
    private static final HexFormat HEX = HexFormat.of();
    private static final InetAddress HERE = Subnet.parseAddress("198.19.9.1");
    private static final InetAddress THERE = Subnet.parseAddress("198.19.9.2");
    private static final String DIGITS = "5ec2e7".repeat(11);
    private static final Instant NOON = Instant.parse("2026-11-22T12:00:00Z");
    private static final long HOUR = EspKeys.period(NOON);

    private static EspKeys keys(int id, InetAddress local, InetAddress remote, int port, String digits) {
        var secret = VxlanSecret.parse(digits);
        return new EspKeys(new Vxlan(id, local, List.of(remote), port, Optional.of(secret)), secret);
    }

    /** <a href="https://www.rfc-editor.org/rfc/rfc5869#appendix-A.1">RFC 5869, A.1</a>. */
    @Test
    void keysAreDerivedAsTheRfcHasIt() {
        var derived = Hkdf.derive(
                HEX.parseHex("0b".repeat(22)),
                HEX.parseHex("000102030405060708090a0b0c"),
                HEX.parseHex("f0f1f2f3f4f5f6f7f8f9"),
                42);
        assertThat(HEX.formatHex(derived))
                .isEqualTo("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    }

    @Test
    void whatOneHostSendsWithTheOtherReceivesWith() {
        var sent = keys(42, HERE, THERE, 4789, DIGITS).outgoing(THERE, HOUR, NOON);
        var received = keys(42, THERE, HERE, 4789, DIGITS).incoming(HERE, HOUR);
        assertThat(sent).isEqualTo(received);
        assertThat(sent.key()).isEqualTo(received.key()).hasSize(36);
        assertThat(sent.spi()).isEqualTo(received.spi());
    }

    @Test
    void eachDirectionHourNetworkPortAndSecretHasKeysOfItsOwn() {
        var all = new ArrayList<EspState>();
        all.add(keys(42, HERE, THERE, 4789, DIGITS).incoming(THERE, HOUR));
        all.add(keys(42, HERE, THERE, 4789, DIGITS).outgoing(THERE, HOUR, NOON));
        all.add(keys(42, HERE, THERE, 4789, DIGITS).incoming(THERE, HOUR + 1));
        all.add(keys(43, HERE, THERE, 4789, DIGITS).incoming(THERE, HOUR));
        all.add(keys(42, HERE, THERE, 4790, DIGITS).incoming(THERE, HOUR));
        all.add(keys(42, HERE, THERE, 4789, "00" + DIGITS).incoming(THERE, HOUR));
        assertThat(all).extracting(state -> HEX.formatHex(state.key())).doesNotHaveDuplicates();
        assertThat(all).extracting(EspState::spi).doesNotHaveDuplicates();
    }

    @Test
    void whoStartsLaterInAnHourCountsOnFromWhereTheOneBeforeCanNotHaveBeen() {
        var keys = keys(42, HERE, THERE, 4789, DIGITS);
        assertThat(keys.outgoing(THERE, HOUR, NOON).sent()).isZero();
        assertThat(keys.outgoing(THERE, HOUR, NOON.plusSeconds(1)).sent()).isEqualTo(1_193_000);
        assertThat(Integer.toUnsignedLong(
                        keys.outgoing(THERE, HOUR, NOON.plusSeconds(3600).minusMillis(1))
                                .sent()))
                .isEqualTo(1193L * 3_599_999)
                .isLessThan(1L << 32);
    }

    @Test
    void noTextShowsAKey() {
        var secret = VxlanSecret.parse(DIGITS);
        var vxlan = new Vxlan(42, HERE, List.of(THERE), 4789, Optional.of(secret));
        var state = new EspKeys(vxlan, secret).outgoing(THERE, HOUR, NOON);
        assertThat(vxlan.toString()).doesNotContain("5ec2e7").endsWith("secret=Optional[VxlanSecret[…]]]");
        assertThat(state.toString())
                .isEqualTo("EspState[198.19.9.1 to 198.19.9.2, " + Integer.toHexString(state.spi()) + "]");
        assertThat(state.add().toString()).isEqualTo("XFRM_MSG_NEWSA, 380 bytes");
    }
}
