package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnreadOutputTest {
    private static final int LARGEST = 1 << 17;

    private final NativeMemory memory = NativeMemory.allocate(LARGEST);

    private void append(UnreadOutput output, byte[] content) {
        memory.bytes().put(0, content);
        output.append(memory, 0, content.length);
    }

    @Test
    void whatIsReadIsWhatWasAppended(@TempDir Path directory) throws Exception {
        var random = new Random(7);
        var output = new UnreadOutput("stdout of web", directory);
        var content = new byte[20_000_000];
        random.nextBytes(content);
        var read = new byte[content.length];
        var written = 0;
        var done = 0;
        while (done < content.length) {
            // now this side is faster, now the other
            var readers = random.nextInt(3);
            if (written < content.length && readers < 2) {
                var count = Math.min(random.nextInt(LARGEST) + 1, content.length - written);
                append(output, Arrays.copyOfRange(content, written, written + count));
                written += count;
            }
            assertThat(output.available()).isEqualTo(written - done);
            if (written > done && (readers > 0 || written == content.length)) {
                done += output.read(read, done, Math.min(random.nextInt(LARGEST) + 1, read.length - done));
            }
        }
        output.end();
        assertThat(output.read(new byte[1], 0, 1)).isEqualTo(-1);
        assertThat(read).isEqualTo(content);
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void aGapIsToldOfWhereItIs(@TempDir Path directory) throws Exception {
        var missing = directory.resolve("missing");
        var output = new UnreadOutput("stdout of web", missing);
        var kept = new byte[UnreadOutput.MEMORY / 2];
        append(output, kept);
        append(output, kept);
        append(output, "lost".getBytes(UTF_8));
        Files.createDirectory(missing);
        append(output, "lost too".getBytes(UTF_8));

        var read = new byte[UnreadOutput.MEMORY];
        assertThat(output.read(read, 0, read.length)).isEqualTo(read.length);
        assertThatThrownBy(() -> output.read(read, 0, 1))
                .isExactlyInstanceOf(IOException.class)
                .hasMessageMatching(
                        "cannot read stdout of web without a gap: 12 bytes could not be kept until they were "
                                + "read: cannot create " + missing + "/unread-\\d+: .*No such file or directory.*");
        append(output, "found".getBytes(UTF_8));
        assertThat(output.read(read, 0, read.length)).isEqualTo(5);
        assertThat(new String(read, 0, 5, UTF_8)).isEqualTo("found");
    }

    @Test
    void aClosedOneIsAtItsEndAndHoldsNothing(@TempDir Path directory) throws Exception {
        var output = new UnreadOutput("stdout of web", directory);
        for (var i = 0; i < 4; i++) {
            append(output, new byte[LARGEST]);
        }
        output.close();
        append(output, new byte[LARGEST]);
        assertThat(output.available()).isZero();
        assertThat(output.read(new byte[1], 0, 1)).isEqualTo(-1);
    }
}
