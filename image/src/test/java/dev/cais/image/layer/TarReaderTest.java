package dev.cais.image.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.ImageLimits;
import dev.cais.StorageException;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresProgram;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TarReaderTest {
    private static final ImageLimits SMALL = new ImageLimits(ByteSize.mib(1), 10, ByteSize.mib(1), 3, 300);

    private static TarReader reader(byte[] tar) {
        return new TarReader(new ByteArrayInputStream(tar), "archive x", ImageLimits.DEFAULT);
    }

    private static TarEntry only(byte[] tar) {
        try (var reader = reader(tar)) {
            return Objects.requireNonNull(reader.next());
        }
    }

    private static void assertRefused(byte[] tar, String why) {
        assertRefused(tar, ImageLimits.DEFAULT, why);
    }

    private static void assertRefused(byte[] tar, ImageLimits limits, String why) {
        assertThatThrownBy(() -> {
                    try (var reader = new TarReader(new ByteArrayInputStream(tar), "archive x", limits)) {
                        while (reader.next() != null) {
                            reader.content().readAllBytes();
                        }
                    }
                })
                .isInstanceOf(CorruptContentException.class)
                .hasMessageMatching(
                        "\\Qcannot read archive x: " + why + "\\E( \\[offset=\\d+\\])?; fetch or save it again");
    }

    private static byte[] concat(byte[]... parts) {
        var whole = new ByteArrayOutputStream();
        for (var part : parts) {
            whole.writeBytes(part);
        }
        return whole.toByteArray();
    }

    private static byte[] data(String text) {
        return Arrays.copyOf(Tar.raw(text), (text.length() + 511) / 512 * 512);
    }

    // What other programs write

    /** Sparse files in all forms of GNU tar: their content, and that holes are kept out of the archive. */
    @ParameterizedTest
    @CsvSource({"gnu,", "oldgnu,", "posix,0.0", "posix,0.1", "posix,1.0"})
    @RequiresProgram("tar")
    void sparseFilesOfGnuTar(String format, String version, @TempDir Path directory) throws IOException {
        var file = directory.resolve("sparse");
        try (var sparse = new RandomAccessFile(file.toFile(), "rw")) {
            for (var i = 0; i < 40; i++) { // more pieces than a header holds
                sparse.seek(i * 100_000L + 4096);
                sparse.write(("piece " + i).getBytes(StandardCharsets.UTF_8));
            }
            sparse.setLength(5_000_000);
        }
        Files.writeString(directory.resolve("z-after"), "behind");
        var archive = directory.resolve("a.tar");
        var command = new ArrayList<>(List.of("tar", "--format=" + format, "-S", "-cf", archive.toString()));
        if (version != null) {
            command.add("--sparse-version=" + version);
        }
        command.addAll(List.of("-C", directory.toString(), "sparse", "z-after"));
        Programs.output(command.toArray(new String[0]));

        assertThat(archive).satisfies(path -> assertThat(Files.size(path)).isLessThan(1_000_000));
        try (var reader = reader(Files.readAllBytes(archive))) {
            var entry = reader.next();
            assertThat(entry).extracting(TarEntry::path, TarEntry::size).containsExactly("sparse", 5_000_000L);
            assertThat(reader.content().readAllBytes()).isEqualTo(Files.readAllBytes(file));
            assertThat(reader.next()).extracting(TarEntry::path).isEqualTo("z-after");
            assertThat(reader.content()).hasContent("behind");
            assertThat(reader.next()).isNull();
            assertThat(reader.next()).isNull();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu", "posix"})
    @RequiresProgram("tar")
    void longNamesAndLinksOfGnuTar(String format, @TempDir Path directory) throws IOException {
        var deep = Files.createDirectories(directory.resolve("d/" + "x".repeat(120) + "/" + "y".repeat(200)));
        Files.createSymbolicLink(deep.resolve("link"), Path.of("z".repeat(250)));
        Programs.output("tar", "--format=" + format, "-cf", directory + "/a.tar", "-C", directory.toString(), "d");

        var names = new ArrayList<String>();
        try (var reader = reader(Files.readAllBytes(directory.resolve("a.tar")))) {
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                names.add(entry.path()
                        + (entry.link().length > 0 ? " -> " + new String(entry.link(), StandardCharsets.UTF_8) : ""));
            }
        }
        var prefix = "d/" + "x".repeat(120) + "/";
        assertThat(names)
                .containsExactly(
                        "d/",
                        prefix,
                        prefix + "y".repeat(200) + "/",
                        prefix + "y".repeat(200) + "/link -> " + "z".repeat(250));
    }

    @Test
    void versionSevenHasDirectoriesBySlash() {
        var header = Tar.header("dir/", '\0', "00000000000\0");
        Arrays.fill(header, 257, 265, (byte) 0);
        assertThat(only(Tar.summed(header))).extracting(TarEntry::type).isEqualTo(TarType.DIRECTORY);
    }

    @Test
    void prefixOfUstarStandsBeforeTheName() {
        var header = Tar.header("name", '0', "0");
        Tar.put(header, 345, "a/prefix");
        assertThat(only(Tar.summed(header)).path()).isEqualTo("a/prefix/name");
    }

    @Test
    void numbersInBase256() {
        var header = Tar.header("f", '0', "00000000000\0");
        var mtime = new byte[] {(byte) 0xff, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -2};
        System.arraycopy(mtime, 0, header, 136, 12);
        System.arraycopy(new byte[] {(byte) 0x80, 0, 0, 0, (byte) 0xee, 0x6b, 0x28, 0}, 0, header, 108, 8);
        var attributes = only(Tar.summed(header)).attributes();
        assertThat(attributes.modified()).isEqualTo(Instant.ofEpochSecond(-2));
        assertThat(attributes.uid()).isEqualTo(4_000_000_000L);
    }

    @Test
    void checksumOfSignedBytesIsTaken() {
        var header = Tar.header("\u00fc", '0', "0");
        Arrays.fill(header, 148, 156, (byte) ' ');
        var sum = 0;
        for (var each : header) {
            sum += each;
        }
        Tar.put(header, 148, String.format("%06o\0 ", sum));
        assertThat(only(header).path()).isEqualTo("\u00fc");
    }

    @Test
    void recordsOfPaxStandAboveTheHeader() {
        var tar = concat(
                Tar.pax(
                        'x',
                        "path=other/\u00fc",
                        "size=3",
                        "uid=70000",
                        "gid=4294967294",
                        "mtime=-1.25",
                        "atime=1700000000.123456789999",
                        "comment=nothing",
                        "SCHILY.xattr.user.a=1=2",
                        "LIBARCHIVE.xattr.user.b%3D=aGVsbG8"),
                Tar.header("name", '0', "00000000000\0"),
                data("abc"),
                Tar.header("next", '0', "0"));
        try (var reader = reader(tar)) {
            var entry = Objects.requireNonNull(reader.next());
            assertThat(entry.path()).isEqualTo("other/\u00fc");
            assertThat(reader.content()).hasContent("abc");
            assertThat(entry.attributes().uid()).isEqualTo(70000);
            assertThat(entry.attributes().gid()).isEqualTo(4294967294L);
            assertThat(entry.attributes().modified()).isEqualTo(Instant.ofEpochSecond(-2, 750_000_000));
            assertThat(entry.attributes().accessed()).isEqualTo(Instant.ofEpochSecond(1_700_000_000, 123_456_789));
            assertThat(entry.attributes().xattrs())
                    .extracting(xattr -> xattr.name() + "=" + new String(xattr.value(), StandardCharsets.UTF_8))
                    .containsExactly("user.a=1=2", "user.b==hello");
            assertThat(reader.next()).extracting(TarEntry::path).isEqualTo("next");
        }
    }

    @Test
    void globalRecordsHoldForAllThatFollowUntilTakenBack() {
        var tar = concat(
                Tar.pax('g', "uid=5", "gid=6"),
                Tar.header("a", '0', "0"),
                Tar.pax('x', "uid=7", "gid="),
                Tar.header("b", '0', "0"),
                Tar.pax('g', "uid="),
                Tar.header("c", '0', "0"));
        try (var reader = reader(tar)) {
            var owners = new ArrayList<String>();
            for (var entry = reader.next(); entry != null; entry = reader.next()) {
                owners.add(entry.path() + " " + entry.attributes().uid() + ":"
                        + entry.attributes().gid());
            }
            assertThat(owners).containsExactly("a 5:6", "b 7:0", "c 0:6");
        }
    }

    @Test
    void labelOfATapeIsPassed() {
        var tar = concat(Tar.header("label", 'V', "0"), Tar.header("a", '0', "0"));
        assertThat(only(tar).path()).isEqualTo("a");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 512, 1024, 1025, 10240})
    void archiveEndsWithAnyNumberOfZeros(int zeros) {
        try (var reader = reader(concat(Tar.header("a", '0', "3"), data("abc"), new byte[zeros]))) {
            assertThat(reader.next()).isNotNull();
            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void paddingOfTheLastEntryMayBeMissing() throws IOException {
        try (var reader = reader(concat(Tar.header("a", '0', "3"), Tar.raw("abc")))) {
            assertThat(reader.next()).isNotNull();
            assertThat(reader.content().readAllBytes()).isEqualTo(Tar.raw("abc"));
            assertThat(reader.next()).isNull();
        }
    }

    @Test
    void contentMayBeLeftUnread() {
        var tar = new Tar().file("a", "x".repeat(100_000)).file("b", "y").bytes();
        try (var reader = reader(tar)) {
            reader.next();
            assertThat(reader.next()).extracting(TarEntry::path).isEqualTo("b");
            assertThat(reader.content()).hasContent("y");
        }
    }

    // What is refused

    @Test
    void wrongChecksum() {
        var tar = new Tar().file("a", "x").bytes();
        tar[0] ^= 1;
        assertRefused(tar, "the checksum of a header is wrong");
    }

    @Test
    void earlyEnd() {
        var tar = new Tar().file("a", "x".repeat(1000)).bytes();
        assertRefused(Arrays.copyOf(tar, 100), "it ends in a header");
        assertRefused(Arrays.copyOf(tar, 1000), "it ends behind an extended header");
        assertRefused(Arrays.copyOf(tar, 2000), "it ends in entry a");
    }

    @Test
    void zerosBetweenEntries() {
        assertRefused(
                concat(Tar.header("a", '0', "0"), new byte[512], Tar.header("b", '0', "0")),
                "a block of zeros stands between entries");
    }

    @Test
    void numbersThatAreNone() {
        assertRefused(Tar.header("a", '0', "0000000009\0"), "its size is no octal number");
        var header = Tar.header("a", '0', "0");
        Arrays.fill(header, 124, 136, (byte) 0xff);
        assertRefused(Tar.summed(header), "its size is negative");
        Arrays.fill(header, 125, 136, (byte) 0x7f);
        header[124] = (byte) 0x80;
        assertRefused(Tar.summed(header), "its size is beyond 64 bits");
        assertRefused(concat(Tar.pax('x', "uid=-1"), Tar.header("a", '0', "0")), "entry a: its uid is no number");
        assertRefused(
                concat(Tar.pax('x', "gid=4294967295"), Tar.header("a", '0', "0")),
                "entry a: its gid is not from 0 to 4294967294");
        assertRefused(
                concat(Tar.pax('x', "size=99999999999999999999"), Tar.header("a", '0', "0")),
                "entry a: its size is no number");
        assertRefused(
                concat(Tar.pax('x', "mtime=1.2.3"), Tar.header("a", '0', "0")), "entry a: its mtime is no number");
    }

    @Test
    void hugeSizeEndsWhereTheStreamEnds() {
        assertRefused(
                concat(Tar.pax('x', "size=9223372036854775807"), Tar.header("a", '0', "0"), new byte[2048]),
                "it ends in entry a");
    }

    @Test
    void recordsOfPaxThatAreNone() {
        for (var content : List.of("5 a=b\n", "7 a=b\n", "x", "3 \n", "99999999999 a=b\n", "6 a=bc", " 6 a=b\n")) {
            var size = String.format("%011o\0", content.length());
            var tar = concat(Tar.header("pax", 'x', size), data(content), Tar.header("a", '0', "0"));
            assertRefused(tar, "a record of its extended header has a wrong length");
        }
        var noKey = concat(Tar.header("pax", 'x', "00000000005\0"), data("5 =b\n"), Tar.header("a", '0', "0"));
        assertRefused(noKey, "a record of its extended header has no key");
        assertRefused(concat(Tar.pax('x', "path=a\0b"), Tar.header("a", '0', "0")), "its path holds a NUL");
    }

    @Test
    void unknownType() {
        assertRefused(Tar.header("a", 'Z', "0"), "entry a: its type is unknown: 90");
    }

    @Test
    void nameOfControlsIsShownWithoutThem() {
        assertRefused(Tar.header("a\u001b[31m\n", 'Z', "0"), "entry a?[31m?: its type is unknown: 90");
    }

    @Test
    void moreThanTheLimits() {
        assertRefused(Tar.header("pax", 'x', "77777777777\0"), "an extended header is larger than 1048576 bytes");
        assertRefused(Tar.header("long", 'L', "00007777777\0"), "an extended header is larger than 1048576 bytes");
        var extensions = new byte[17][];
        Arrays.fill(extensions, Tar.pax('x', "a=b"));
        assertRefused(concat(extensions), "more than 16 extended headers stand before one entry");
        assertRefused(
                concat(Tar.pax('x', "path=" + "p".repeat(301)), Tar.header("a", '0', "0")),
                SMALL,
                "entry " + "p".repeat(200) + "…: its name is longer than 300 bytes, the limit");
        assertRefused(
                new Tar()
                        .file("a", "")
                        .file("b", "")
                        .file("c", "")
                        .file("d", "")
                        .bytes(),
                SMALL,
                "it has more than 3 entries, the limit");
        var global = new byte[3][];
        for (var i = 0; i < global.length; i++) {
            global[i] = Tar.pax('g', "key" + i + "=" + "v".repeat(400_000));
        }
        assertRefused(concat(global), "the global headers are larger than 1048576 bytes");
    }

    @Test
    void sparseMapsThatDoNotFit() {
        for (var map : List.of(
                "0,10", "0,5,3,5", "0,5,20,5", "9223372036854775807,5", "0,9223372036854775807,1,1", "5,0,0,5")) {
            var tar = concat(
                    Tar.pax('x', "GNU.sparse.size=20", "GNU.sparse.map=" + map),
                    Tar.header("a", '0', "5"),
                    data("abcde"));
            assertRefused(tar, "entry a: its sparse map does not fit its sizes");
        }
        assertRefused(
                concat(Tar.pax('x', "GNU.sparse.map=0"), Tar.header("a", '0', "5"), data("abcde")),
                "entry a: its sparse map does not fit its sizes");
        assertRefused(
                concat(Tar.pax('x', "GNU.sparse.map=0,x"), Tar.header("a", '0', "5"), data("abcde")),
                "entry a: its GNU.sparse.map is no number");
        assertRefused(
                concat(
                        Tar.pax('x', "GNU.sparse.numbytes=1", "GNU.sparse.offset=2"),
                        Tar.header("a", '0', "5"),
                        data("abcde")),
                "its sparse map is out of order");
        var inData = new String[] {"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=20"};
        assertRefused(
                concat(Tar.pax('x', inData), Tar.header("a", '0', "5"), data("99999")),
                "entry a: its sparse map is no list of numbers");
        assertRefused(
                concat(Tar.pax('x', inData), Tar.header("a", '0', "00000000012\0"), data("999999999\n")),
                "entry a: it is sparse in more than 262144 pieces");
        assertRefused(
                concat(Tar.pax('x', "GNU.sparse.major=2"), Tar.header("a", '0', "0")),
                "entry a: its sparse format is unknown");
    }

    @Test
    void failingSourceIsNotTheArchivesFault() {
        var broken = new InputStream() {
            @Override
            public int read() throws IOException {
                throw new IOException("cable pulled");
            }

            @Override
            public int read(byte[] bytes, int offset, int length) throws IOException {
                return read();
            }
        };
        var reader = new TarReader(broken, "archive x", ImageLimits.DEFAULT);
        assertThatThrownBy(reader::next)
                .isInstanceOf(StorageException.class)
                .hasMessage("cannot read archive x: cable pulled");
    }
}
