package dev.cais.network.netlink;

import static java.util.stream.Collectors.joining;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * What another program sent to the kernel, in {@code src/test/resources/netlink/NAME.hex}: its command, its version, and the
 * bytes of the message that matters.
 */
public final class Golden {
    private Golden() {}

    /** The messages of one file, each without its sequence number. */
    public static List<String> messages(String name) {
        try (var file = Golden.class.getResourceAsStream("/netlink/" + name + ".hex")) {
            if (file == null) {
                throw new AssertionError("there is no golden file " + name);
            }
            var text = new String(file.readAllBytes(), StandardCharsets.UTF_8);
            var hex = text.lines().filter(line -> !line.startsWith("#")).collect(joining());
            return split(HexFormat.of().parseHex(hex));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** In hexadecimal: what a request sends, without its sequence number. */
    static String sent(Request request, int moreFlags) {
        return HexFormat.of().formatHex(request.toBytes(moreFlags, 0));
    }

    private static List<String> split(byte[] bytes) {
        var messages = new ArrayList<String>();
        var buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            var message = new byte[buffer.getInt(buffer.position())];
            buffer.get(message);
            ByteBuffer.wrap(message).putInt(8, 0);
            messages.add(HexFormat.of().formatHex(message));
            buffer.position(Math.min(buffer.limit(), MessageWriter.aligned(buffer.position())));
        }
        return messages;
    }
}
