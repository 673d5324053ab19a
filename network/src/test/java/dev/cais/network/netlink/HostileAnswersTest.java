package dev.cais.network.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Answers with lengths that lie: reading them ends, within their bytes, with what is whole. */
class HostileAnswersTest {
    private static final int RUNS = Integer.getInteger("cais.fuzz.runs", 50_000);
    private static final long SEED = Long.getLong("cais.fuzz.seed", 20_260_101L);

    private static byte[] seed(Random random) {
        var goldens = List.of("link-add-veth", "address-add-6", "route-add-default", "firewall", "link-add-vxlan");
        var messages = Golden.messages(goldens.get(random.nextInt(goldens.size())));
        return HexFormat.of().parseHex(messages.get(random.nextInt(messages.size())));
    }

    private static void change(byte[] bytes, Random random) {
        for (var changes = random.nextInt(8); changes > 0; changes--) {
            bytes[random.nextInt(bytes.length)] = (byte) (random.nextBoolean() ? random.nextInt(8) : random.nextInt());
        }
    }

    @Test
    void whateverTheBytesAreReadingThemEnds() {
        var random = new Random(SEED);
        for (var run = 0; run < RUNS; run++) {
            var bytes = seed(random);
            change(bytes, random);
            try {
                read(bytes);
            } catch (RuntimeException e) {
                fail("run " + run + " of seed " + SEED + ": " + HexFormat.of().formatHex(bytes), e);
            }
        }
    }

    private static void read(byte[] bytes) {
        for (var reply : Replies.parse(ByteBuffer.wrap(bytes))) {
            reply.error();
            assertThat(reply.explanation()).hasSizeLessThanOrEqualTo(256);
            Link.parse(reply.body());
            LinkAddress.parse(reply.body());
            Route.parse(reply.body());
            walk(reply.body(), 0);
        }
    }

    /** Attributes within attributes. */
    private static void walk(ByteBuffer body, int depth) {
        if (depth < 5) {
            for (var value : Attributes.list(body)) {
                var attributes = Attributes.parse(value);
                attributes.text(1);
                attributes.be32(2, 0);
                attributes.be64(3, 0);
                attributes.bytes(4);
                walk(value, depth + 1);
            }
        }
    }

    private static ByteBuffer bytes(String hex) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void attributeThatDoesNotFitEndsTheList() {
        var attributes = Attributes.parse(bytes("08000100" + "2a000000" + "ff000200" + "2b000000"));
        assertThat(attributes.u32(1, 0)).isEqualTo(42);
        assertThat(attributes.has(2)).isFalse();
        assertThat(Attributes.list(bytes("00000100"))).isEmpty();
        assertThat(Attributes.list(bytes("030001"))).isEmpty();
    }

    @Test
    void valueOfTheWrongSizeCountsAsMissing() {
        var attributes = Attributes.parse(bytes("05000100" + "2a000000" + "0c000200" + "0102030405060708"));
        assertThat(attributes.u32(1, -1)).isEqualTo(-1);
        assertThat(attributes.u32(2, -1)).isEqualTo(-1);
        assertThat(attributes.be64(2, -1)).isEqualTo(0x0102030405060708L);
    }

    @Test
    void messageThatDoesNotFitEndsTheDatagram() {
        var whole = "14000000" + "0200" + "0000" + "01000000" + "00000000" + "00000000";
        assertThat(Replies.parse(bytes(whole + "ff000000" + whole.substring(8))))
                .hasSize(1);
        assertThat(Replies.parse(bytes("08000000" + whole.substring(8)))).isEmpty();
        assertThat(Replies.parse(bytes("ffffffff" + whole.substring(8)))).isEmpty();
    }

    @Test
    void explanationIsShortAndPrintable() {
        var text = "a\u0007b".repeat(200).getBytes(StandardCharsets.US_ASCII);
        var body = new MessageWriter()
                .u32(-22)
                .u32(0)
                .u32(0)
                .u32(0)
                .u32(0)
                .put(1, text)
                .toBytes();
        var reply = new Replies.Reply(
                Replies.NLMSG_ERROR, 0x300, 1, ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN));
        assertThat(reply.error()).isEqualTo(-22);
        assertThat(reply.explanation()).hasSize(256).startsWith("a?ba?b");
    }
}
