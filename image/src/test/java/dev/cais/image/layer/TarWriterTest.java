package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import dev.cais.storage.Attributes;
import dev.cais.storage.Xattr;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarWriterTest {
    private static Tar everything() {
        return new Tar()
                .directory("d", Tar.owned(01777, 1, 2))
                .file("d/" + "n".repeat(97) + "m", "exactly 100 bytes")
                .file("d/" + "n".repeat(99), "one more")
                .file("p/".repeat(70) + "file", "split at a slash")
                .file("q/".repeat(150) + "file", "too long to split")
                .file("l".repeat(255), "no slash to split at")
                .file(new byte[] {'x', (byte) 0xff}, "bytes", Tar.mode(0644))
                .file(("b".repeat(120) + "\u00ff").getBytes(StandardCharsets.ISO_8859_1), "long bytes", Tar.mode(0644))
                .file("ids", "", Tar.owned(07777, 2_097_151, 2_097_152))
                .file("before", "", Tar.at(0644, Instant.parse("1969-12-31T23:59:59.25Z")))
                .file("long-before", "", Tar.at(0644, Instant.ofEpochSecond(-5, 1)))
                .file("after", "", Tar.at(0644, Instant.ofEpochSecond(8_589_934_592L)))
                .file("nanos", "", Tar.at(0644, Instant.ofEpochSecond(7, 10)))
                .file(
                        "xattrs",
                        "",
                        Tar.with(0644, new Xattr("user.b", new byte[] {0, '\n', '='}), new Xattr("user.a", new byte[] {1
                        })))
                .symlink("s", "t".repeat(101))
                .hardLink("h", "ids")
                .node(TarType.CHARACTER_DEVICE, "c", 4095, 1048575, Tar.mode(0600))
                .node(TarType.BLOCK_DEVICE, "b", 8, 1, Tar.mode(0600))
                .node(TarType.FIFO, "f", 0, 0, Tar.mode(0600));
    }

    private static String shown(TarEntry entry) {
        var xattrs = new ArrayList<String>();
        for (var xattr : entry.attributes().xattrs()) {
            xattrs.add(xattr.name() + Arrays.toString(xattr.value()));
        }
        return entry.type() + " " + new String(entry.name(), StandardCharsets.ISO_8859_1) + " "
                + new String(entry.link(), StandardCharsets.ISO_8859_1) + " " + entry.size() + " "
                + entry.attributes().uid() + ":" + entry.attributes().gid() + " "
                + Integer.toOctalString(entry.attributes().mode()) + " "
                + entry.attributes().modified() + " " + xattrs + " "
                + entry.major() + ":" + entry.minor();
    }

    @Test
    void whatIsWrittenIsRead() {
        var tar = everything().bytes();
        var again = new Tar();
        var lines = new ArrayList<String>();
        try (var reader = new TarReader(new ByteArrayInputStream(tar), "tar", ImageLimits.DEFAULT)) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                lines.add(shown(entry));
                again.add(entry, read(reader));
            }
        }
        assertThat(again.bytes()).isEqualTo(tar);
        assertThat(lines)
                .hasSize(19)
                .contains(
                        "FILE before  0 0:0 644 1969-12-31T23:59:59.250Z [] 0:0",
                        "FILE long-before  0 0:0 644 1969-12-31T23:59:55.000000001Z [] 0:0",
                        "FILE after  0 0:0 644 2242-03-16T12:56:32Z [] 0:0",
                        "FILE ids  0 2097151:2097152 7777 2024-02-29T12:34:56.123456789Z [] 0:0",
                        "FILE xattrs  0 0:0 644 2024-02-29T12:34:56.123456789Z [user.a[1], user.b[0, 10, 61]] 0:0",
                        "CHARACTER_DEVICE c  0 0:0 600 2024-02-29T12:34:56.123456789Z [] 4095:1048575");
    }

    private static byte[] read(TarReader reader) {
        try {
            return reader.content().readAllBytes();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void sameEntriesGiveTheSameBytes() {
        assertThat(everything().bytes()).isEqualTo(everything().bytes());
    }

    @Test
    void plainEntryIsAPlainHeader() {
        var tar = new Tar().file("a", "x", Attributes.ofMode(0644)).bytes();
        assertThat(tar).hasSize(4 * 512);
        assertThat(new String(tar, 0, 265, StandardCharsets.US_ASCII))
                .isEqualTo("a" + "\0".repeat(99) + "0000644\0" + "0000000\0" + "0000000\0" + "00000000001\0"
                        + "00000000000\0" + "006077\0 " + "0" + "\0".repeat(100) + "ustar\00000");
    }

    @Test
    @RequiresProgram("tar")
    void gnuTarReadsIt(@TempDir Path directory) throws IOException {
        var archive = directory.resolve("a.tar");
        Files.write(archive, everything().bytes());
        var listing = Programs.output(
                "tar",
                "--warning=no-unknown-keyword",
                "--full-time",
                "--numeric-owner",
                "--quoting-style=escape",
                "--utc",
                "-tvf",
                archive.toString());
        assertThat(listing.lines())
                .hasSize(19)
                .anyMatch(line -> line.endsWith(" 2242-03-16 12:56:32           after"))
                .anyMatch(line -> line.endsWith(" q" + "/q".repeat(149) + "/file"))
                .anyMatch(line -> line.matches("-rwsrwsrwt 2097151/2097152 .* ids"))
                .anyMatch(line -> line.matches("crw------- 0/0 +4095,1048575 .* c"))
                .anyMatch(line -> line.endsWith(" x\\377"))
                .anyMatch(line -> line.endsWith(" " + "b".repeat(120) + "\\377"));
    }

    @Test
    void contentThatEndsEarlyIsAnError() {
        var writer = new TarWriter(new ByteArrayOutputStream());
        var entry = TarEntry.file("a", 5, Attributes.ofMode(0644));
        assertThatThrownBy(() -> writer.write(entry, new ByteArrayInputStream(new byte[3])))
                .isInstanceOf(EOFException.class)
                .hasMessage("the content of a ends 2 bytes early");
    }

    @Test
    void attributeThatNoRecordCanHoldIsRefused() {
        var attributes = Tar.with(0644, new Xattr("user.a=b", new byte[1]));
        var writer = new TarWriter(new ByteArrayOutputStream());
        assertThatThrownBy(() -> writer.write(TarEntry.file("a", 0, attributes)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot write a to a tar: an extended attribute has '=' in its name [name=user.a=b]");
    }

    @Test
    void directoriesEndInASlashOnce() {
        var tar = new Tar().directory("a").directory("b/").bytes();
        var names = new ArrayList<String>();
        try (var reader = new TarReader(new ByteArrayInputStream(tar), "tar", ImageLimits.DEFAULT)) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                names.add(entry.path());
            }
        }
        assertThat(names).isEqualTo(List.of("a/", "b/"));
    }
}
