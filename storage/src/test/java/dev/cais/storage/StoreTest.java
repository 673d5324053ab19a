package dev.cais.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.cais.CancelledException;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.StorageException;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.Programs;
import dev.cais.fixtures.RequiresRoot;
import dev.cais.fixtures.TestStore;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;

@LeakChecked
class StoreTest {
    private static final Digest IMAGE = Digest.parse("sha256:" + "1".repeat(64));
    private static final Digest BASE = Digest.parse("sha256:" + "2".repeat(64));
    private static final Digest APP = Digest.parse("sha256:" + "3".repeat(64));

    @Test
    void secondEngineOfTheSameNameIsRefused(TestStore directory) {
        try (var first = Store.open(directory.path(), "a")) {
            assertThat(first.engineDirectory()).isDirectory();
            assertThatThrownBy(() -> Store.open(directory.path(), "a"))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot open the store " + directory.path()
                            + ": its engine a is open; choose another name");
        }
        try (var again = Store.open(directory.path(), "a")) {
            assertThat(again.engineDirectory()).isDirectory();
        }
    }

    @Test
    void nameThatLeadsOutIsRefused(TestStore directory) {
        assertThatThrownBy(() -> Store.open(directory.path(), "../a"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use engine name ../a in a store: it is not a file name of the plain kind; "
                        + "use letters, digits, '_', '.' and '-', 1 to 128 of them");
        assertThat(directory.path()).doesNotExist();
    }

    @Test
    void otherPeopleCannotReachLayersAndBlobs(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            assertThat(mode(store.layers().directory())).isEqualTo("rwx------");
            assertThat(mode(directory.path().resolve("blobs"))).isEqualTo("rwx------");
            assertThat(mode(store.engineDirectory())).isEqualTo("rwx--x--x");
        }
    }

    /** Else each new file is looked for among those that were removed a moment ago. */
    @Test
    void treesBeginFarFromEachOtherOnExt4(TestStore directory) throws Exception {
        try (var store = Store.open(directory.path(), "a")) {
            assumeThat(Files.getFileStore(store.root()).type()).isEqualTo("ext4");
            var flags =
                    Programs.output("lsattr", "-d", store.temporaryDirectory().toString());
            assertThat(flags.split(" ")[0]).contains("T");
        }
    }

    private static String mode(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    @RequiresRoot
    void aPlainUsersStoreIsNotRoots(TestStore directory) throws IOException {
        Files.createDirectories(directory.path());
        Files.writeString(directory.path().resolve("format"), "cais store 1, whiteouts user\n");
        assertThatThrownBy(() -> Store.open(directory.path(), "a"))
                .isExactlyInstanceOf(StorageException.class)
                .hasMessage("cannot open the store " + directory.path() + ": it is a plain user's"
                        + " [format=cais store 1, whiteouts user]; run as its owner, or choose another store");
    }

    @Test
    void storeOfAnUnknownFormatIsLeftAlone(TestStore directory) throws IOException {
        Files.createDirectories(directory.path());
        Files.writeString(directory.path().resolve("format"), "cais store 2\n");
        assertThatThrownBy(() -> Store.open(directory.path(), "a"))
                .isInstanceOf(StorageException.class)
                .hasMessage("cannot open the store " + directory.path() + ": its format is unknown "
                        + "[format=cais store 2]; use the version of Cais that made it, or choose another store");
    }

    @Test
    void fileIsNoStore(TestStore directory) throws IOException {
        Files.writeString(directory.path(), "");
        try {
            assertThatThrownBy(() -> Store.open(directory.path(), "a"))
                    .isInstanceOf(StorageException.class)
                    .hasMessage("cannot make directory " + directory.path() + "/blobs: mkdirat(2) failed with "
                            + "ENOTDIR (not a directory) [call=mkdirat, errno=ENOTDIR]");
        } finally {
            Files.delete(directory.path());
        }
    }

    @Test
    void exclusiveHoldWaitsForSharedOnesAndHearsAnInterrupt(TestStore directory) {
        try (var a = Store.open(directory.path(), "a");
                var b = Store.open(directory.path(), "b")) {
            var one = a.lockShared();
            var two = b.lockShared();
            assertThat(a.tryLockExclusive()).isEmpty();
            Thread.currentThread().interrupt();
            assertThatThrownBy(b::lockExclusive)
                    .isInstanceOf(CancelledException.class)
                    .hasMessage("cannot lock " + directory.path() + "/lock: the thread was interrupted");
            assertThat(Thread.interrupted()).isTrue();
            one.close();
            assertThat(b.tryLockExclusive()).isEmpty();
            two.close();
            try (var alone = a.lockExclusive()) {
                assertThat(alone).isNotNull();
                assertThat(b.tryLockExclusive()).isEmpty();
            }
        }
    }

    @Test
    @RequiresRoot
    void containersOfAllLiveEnginesAreInUse(TestStore directory) {
        var b = Store.open(directory.path(), "b");
        try (var a = Store.open(directory.path(), "a")) {
            a.createContainer("web", IMAGE, List.of()).close();
            a.createContainer("db", IMAGE, List.of());
            b.layers().add(BASE, files -> 0);
            b.layers().add(APP, files -> 0);
            b.createContainer("web", IMAGE, List.of(BASE, APP));
            assertThat(a.uses())
                    .containsExactly(
                            new ContainerUse("a", "db", IMAGE, List.of(), List.of(), List.of()),
                            new ContainerUse("b", "web", IMAGE, List.of(), List.of(BASE, APP), List.of()));
            b.close();
            assertThat(a.uses()).containsExactly(new ContainerUse("a", "db", IMAGE, List.of(), List.of(), List.of()));
        }
    }

    @Test
    @RequiresRoot
    void upperDirectoryShowsTheOwnerAndModeOfTheNewestLayersRoot(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            store.layers().add(BASE, files -> {
                files.directory(
                        new byte[0],
                        new Attributes(
                                7,
                                8,
                                01700,
                                Attributes.ofMode(0).modified(),
                                Attributes.ofMode(0).modified(),
                                List.of()));
                return 0;
            });
            var container = store.createContainer("web", IMAGE, List.of(BASE));
            assertThat(Files.getAttribute(container.upper(), "unix:mode")).isEqualTo(041700);
            assertThat(Files.getAttribute(container.upper(), "unix:uid")).isEqualTo(7);
            assertThat(Files.getAttribute(container.upper(), "unix:gid")).isEqualTo(8);
            assertThat(container.work()).isEmptyDirectory();
            assertThat(container.root()).isEmptyDirectory();
        }
    }

    @Test
    void containerOfATakenNameIsRefusedAndLeavesNothing(TestStore directory) {
        try (var store = Store.open(directory.path(), "a")) {
            store.createContainer("web", IMAGE, List.of());
            assertThatThrownBy(() -> store.createContainer("web", IMAGE, List.of()))
                    .isInstanceOf(ConflictException.class)
                    .hasMessage("cannot create container web: its directory exists");
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }

    @Test
    void fileIsReplacedInOneRename(TestStore directory) throws IOException {
        try (var store = Store.open(directory.path(), "a")) {
            var file = directory.path().resolve("record");
            store.write(file, "old".getBytes(StandardCharsets.UTF_8));
            store.write(file, "new".getBytes(StandardCharsets.UTF_8));
            assertThat(file).hasContent("new");
            assertThat(store.temporaryDirectory()).isEmptyDirectory();
        }
    }
}
