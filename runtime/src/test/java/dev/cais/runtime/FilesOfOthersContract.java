package dev.cais.runtime;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ByteSize;
import dev.cais.Digest;
import dev.cais.Layer;
import dev.cais.fixtures.TestStore;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileContent;
import dev.cais.storage.FileOperations;
import dev.cais.storage.NodeType;
import dev.cais.storage.Store;
import dev.cais.storage.TreeCopy;
import dev.cais.storage.TreeVisitor;
import dev.cais.storage.TreeWalk;
import dev.cais.storage.Xattr;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What holds of trees whose files belong to many users, be the engine root's, or a plain user's with many ids or with one. */
abstract class FilesOfOthersContract {
    private static final Instant WHEN = Instant.ofEpochSecond(1_700_000_000, 1);
    private static final String MTIME = " 1700000000";
    /** Version 2: cap_net_raw, permitted and effective. */
    private static final String CAPABILITY = "0100000200200000000000000000000000000000";
    /** user::rw- user:1000:r-- group::r-- mask::r-- other::---, as setfacl(1) stores it. */
    private static final String ACL =
            "0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff";

    private AutoCloseable rights;
    private Store store;
    private Path root;

    @BeforeEach
    final void open(TestStore place) {
        rights = rights();
        store = Store.open(place.path(), "files");
        root = store.temporary();
        makeDirectory(root);
    }

    @AfterEach
    final void close() throws Exception {
        store.close();
        rights.close();
    }

    /** What this process needs to deal with such files. */
    abstract AutoCloseable rights();

    /** How a file of that owner is shown. */
    abstract String owner(int uid, int gid);

    /** How such a list is shown, a space behind it: nothing if it names somebody who is nobody. */
    abstract String accessControlList(String acl);

    /** Whether devices can be made. */
    abstract boolean hasDevices();

    private static void makeDirectory(Path path) {
        try {
            Files.createDirectory(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] name(String text) {
        return text.getBytes(UTF_8);
    }

    private static Attributes of(int uid, int gid, int mode, Xattr... xattrs) {
        return new Attributes(uid, gid, mode, WHEN, WHEN, List.of(xattrs));
    }

    private static Xattr hex(String name, String value) {
        return new Xattr(name, HexFormat.of().parseHex(value));
    }

    private static void write(FileOperations files, String path, Attributes attributes) {
        try (var sink = files.file(name(path), attributes)) {
            sink.write(name(path), 0, path.length());
            sink.finish();
        }
    }

    /** A tree in which almost everything is closed to all but its owners, and some to those, too. */
    private static void fill(FileOperations files) {
        files.directory(name(""), of(0, 0, 0555));
        files.directory(name("www"), of(33, 33, 0700));
        write(files, "www/secret", of(33, 34, 0400));
        files.directory(name("www/locked"), of(33, 33, 0500));
        write(files, "www/locked/deep", of(1000, 33, 0));
        files.directory(name("www/nothing"), of(0, 0, 0));
        write(files, "www/nothing/below", of(0, 0, 0));
        files.symlink(name("www/link"), name("secret"), of(1000, 1001, 0777));
        files.node(name("www/fifo"), NodeType.FIFO, 0, 0, of(100, 101, 0620));
        write(files, "suid", of(0, 0, 04755));
        write(files, "suid-of-other", of(6, 12, 06755));
        files.hardLink(name("www/suid"), name("suid-of-other"));
        files.directory(name("setgid"), of(0, 50, 02755));
        write(files, "setgid/plain", of(0, 0, 0644));
        write(files, "ping", of(0, 0, 0755, hex("security.capability", CAPABILITY)));
        write(files, "www/ping", of(33, 33, 0555, hex("security.capability", CAPABILITY)));
        write(files, "www/noted", of(33, 33, 0444, new Xattr("user.note", name("n"))));
    }

    private List<String> filled() {
        return List.of(
                "ping 0755 " + owner(0, 0) + MTIME + " security.capability=" + CAPABILITY + " 'ping'",
                "setgid/ 02755 " + owner(0, 50) + MTIME,
                "setgid/plain 0644 " + owner(0, 0) + MTIME + " 'setgid/plain'",
                "suid 04755 " + owner(0, 0) + MTIME + " 'suid'",
                "suid-of-other 06755 " + owner(6, 12) + MTIME + " 'suid-of-other'",
                "www/ 0700 " + owner(33, 33) + MTIME,
                "www/fifo 0620 " + owner(100, 101) + MTIME + " FIFO",
                "www/link 0777 " + owner(1000, 1001) + MTIME + " -> secret",
                "www/locked/ 0500 " + owner(33, 33) + MTIME,
                "www/locked/deep 00 " + owner(1000, 33) + MTIME + " 'www/locked/deep'",
                "www/noted 0444 " + owner(33, 33) + MTIME + " user.note=6e 'www/noted'",
                "www/nothing/ 00 " + owner(0, 0) + MTIME,
                "www/nothing/below 00 " + owner(0, 0) + MTIME + " 'www/nothing/below'",
                "www/ping 0555 " + owner(33, 33) + MTIME + " security.capability=" + CAPABILITY + " 'www/ping'",
                "www/secret 0400 " + owner(33, 34) + MTIME + " 'www/secret'",
                "www/suid = suid-of-other");
    }

    /** Every file of a layer, a line each: as a walk tells of it. */
    private static List<String> listing(Path tree) {
        var lines = new ArrayList<String>();
        TreeWalk.walk(tree, new byte[0], TreeWalk.Scope.LAYER, new TreeVisitor() {
            private void add(byte[] path, Attributes attributes, String rest) {
                if (path.length > 0) {
                    var line = new StringBuilder(new String(path, UTF_8))
                            .append(rest.startsWith("/") ? "/" : "")
                            .append(" 0")
                            .append(Integer.toOctalString(attributes.mode()))
                            .append(' ')
                            .append(attributes.uid() + ":" + attributes.gid())
                            .append(' ')
                            .append(attributes.modified().getEpochSecond());
                    attributes
                            .xattrs()
                            .forEach(xattr -> line.append(' ')
                                    .append(xattr.name())
                                    .append('=')
                                    .append(HexFormat.of().formatHex(xattr.value())));
                    lines.add(line + (rest.startsWith("/") ? rest.substring(1) : rest));
                }
            }

            @Override
            public void directory(byte[] path, Attributes attributes, boolean opaque) {
                add(path, attributes, opaque ? "/ opaque" : "/");
            }

            @Override
            public void file(byte[] path, Attributes attributes, FileContent content) {
                try (var stream = content.stream()) {
                    add(path, attributes, " '" + new String(stream.readAllBytes(), UTF_8) + "'");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }

            @Override
            public void symlink(byte[] path, byte[] target, Attributes attributes) {
                add(path, attributes, " -> " + new String(target, UTF_8));
            }

            @Override
            public void hardLink(byte[] path, byte[] existing, Attributes attributes) {
                lines.add(new String(path, UTF_8) + " = " + new String(existing, UTF_8));
            }

            @Override
            public void node(byte[] path, NodeType type, long major, long minor, Attributes attributes) {
                add(path, attributes, " " + type + (type == NodeType.FIFO ? "" : " " + major + ":" + minor));
            }

            @Override
            public void whiteout(byte[] path, Attributes attributes) {
                lines.add(new String(path, UTF_8) + " is gone");
            }
        });
        return lines;
    }

    @Test
    void theyAreWrittenAndReadBack() {
        try (var files = store.files(root)) {
            fill(files);
        }

        assertThat(listing(root)).isEqualTo(filled());
    }

    @Test
    void aCopyIsTheSame() {
        try (var files = store.files(root)) {
            fill(files);
        }
        var copy = store.temporary();
        makeDirectory(copy);

        try (var files = store.files(copy)) {
            TreeCopy.copyLayer(root, files);
        }

        assertThat(listing(copy)).isEqualTo(filled());
    }

    @Test
    void theyAreWrittenOverAndRemoved() {
        try (var files = store.files(root)) {
            fill(files);
        }
        try (var files = store.files(root)) {
            write(files, "www/secret", of(34, 33, 0600));
            files.directory(name("www/locked"), of(0, 0, 0755));
            files.symlink(name("www/suid"), name("x"), of(33, 33, 0777));
            files.remove(name("www/nothing"));
            files.directory(name("www/fifo"), of(33, 33, 0700));
        }

        assertThat(listing(root))
                .contains(
                        "www/secret 0600 " + owner(34, 33) + MTIME + " 'www/secret'",
                        "www/locked/ 0755 " + owner(0, 0) + MTIME,
                        "www/suid 0777 " + owner(33, 33) + MTIME + " -> x")
                .noneMatch(line -> line.startsWith("www/nothing"));
    }

    @Test
    void aTreeIsRemovedThatItsOwnersMayNotChange() {
        try (var files = store.files(root)) {
            fill(files);
            for (var i = 0; i < 40; i++) {
                files.directory(name("www" + "/d".repeat(i + 1)), of(33, 33, 0500));
            }
        }

        store.removeTree(root);

        assertThat(root).doesNotExist();
    }

    @Test
    void theyAreHiddenOfOlderLayers() {
        try (var files = store.files(root)) {
            files.directory(name("www"), of(33, 33, 0500));
            files.whiteout(name("www/gone"));
            files.directory(name("www/own"), of(33, 33, 0));
            files.opaque(name("www/own"));
        }

        assertThat(listing(root))
                .containsExactly(
                        "www/ 0500 " + owner(33, 33) + MTIME,
                        "www/gone is gone",
                        "www/own/ 00 " + owner(33, 33) + MTIME + " opaque");
    }

    @Test
    void accessControlListsNameTheUsersOfContainers() {
        try (var files = store.files(root)) {
            files.directory(name("www"), of(33, 33, 0700));
            write(files, "www/listed", of(33, 33, 0640, hex("system.posix_acl_access", ACL)));
        }

        assertThat(listing(root))
                .contains("www/listed 0640 " + owner(33, 33) + MTIME + " " + accessControlList(ACL) + "'www/listed'");
    }

    @Test
    void devicesAreMadeOrLeftOutWithTheirOtherNames() {
        try (var files = store.files(root)) {
            files.node(name("null"), NodeType.CHARACTER_DEVICE, 1, 3, of(0, 5, 0666));
            files.hardLink(name("zero"), name("null"));
            files.hardLink(name("other"), name("zero"));
        }

        assertThat(listing(root))
                .isEqualTo(
                        hasDevices()
                                ? List.of(
                                        "null 0666 " + owner(0, 5) + MTIME + " CHARACTER_DEVICE 1:3",
                                        "other = null",
                                        "zero = null")
                                : List.of());
    }

    @Test
    void someoneElsesTreeIsWrittenToAsTheContainerWould() {
        try (var files = store.files(root)) {
            fill(files);
        }
        try (var scratch = Scratch.frame();
                var opened = Fd.of(Syscalls.call(
                        Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(root.toString()), Abi.O_PATH | Abi.O_CLOEXEC));
                var files = FileOperations.in(opened, "container web", new byte[0])) {
            write(files, "www/locked/deep", of(7, 8, 0600));
            write(files, "www/nothing/new", of(7, 8, 0600));
        }

        assertThat(listing(root))
                .contains(
                        "www/locked/deep 0600 " + owner(7, 8) + MTIME + " 'www/locked/deep'",
                        "www/nothing/new 0600 " + owner(7, 8) + MTIME + " 'www/nothing/new'");
    }

    @Test
    void volumesAreFilledAndRemoved() {
        var volumes = store.volumes();
        volumes.create("data", false, Map.of());

        volumes.fill("data", FilesOfOthersContract::fill);
        volumes.fill("data", files -> {
            throw new AssertionError("it is not empty");
        });

        assertThat(listing(volumes.find("data").orElseThrow().data())).isEqualTo(filled());
        volumes.remove("data");
        assertThat(volumes.list()).isEmpty();
    }

    @Test
    void layersTellWhatTheyChange() {
        var layer = new Digest("sha256", "1".repeat(64));
        var next = new Digest("sha256", "2".repeat(64));
        store.layers().add(layer, files -> {
            fill(files);
            return 1;
        });
        store.layers().add(next, files -> {
            files.directory(name("www"), of(33, 33, 0700));
            files.whiteout(name("www/secret"));
            files.directory(name("www/nothing"), of(0, 0, 0));
            files.opaque(name("www/nothing"));
            write(files, "www/locked/deep", of(1000, 33, 0));
            return 1;
        });
        var layers = List.of(layerOf(layer), layerOf(next));

        assertThat(store.layers().changes(layers, layers.get(1)))
                .extracting(Object::toString)
                .containsExactly(
                        "C /www",
                        "C /www/locked",
                        "C /www/locked/deep",
                        "C /www/nothing",
                        "D /www/nothing/below",
                        "D /www/secret");
        store.layers().delete(layer);
        store.layers().delete(next);
        assertThat(store.layers().list()).isEmpty();
    }

    private static Layer layerOf(Digest diffId) {
        return new Layer(diffId, diffId, ByteSize.bytes(1), "");
    }
}
