package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.StorageException;
import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.TestStore;
import dev.cais.storage.Store;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

@AsPlainUser(subordinateIds = true)
@LeakChecked
class FilesOfSubordinatesTest extends FilesOfOthersContract {
    @Override
    AutoCloseable rights() {
        return Deputized.create();
    }

    @Override
    String owner(int uid, int gid) {
        return uid + ":" + gid;
    }

    @Override
    String accessControlList(String acl) {
        return "system.posix_acl_access=" + acl + " ";
    }

    @Override
    boolean hasDevices() {
        return false;
    }

    @Test
    void aStoreOfOtherIdsIsRefused(TestStore directory) throws IOException {
        var format = directory.path().resolve("format");
        assertThat(format).content().startsWith("cais store 1, whiteouts user, ids 0 ");
        var now = Files.readString(format).strip().replaceFirst(".* ids ", "");
        Files.writeString(format, "cais store 1, whiteouts user, ids 0 7 1 and 0 7 1\n");

        assertThatThrownBy(() -> Store.open(directory.path(), "another"))
                .isExactlyInstanceOf(StorageException.class)
                .hasMessage("cannot open the store " + directory.path()
                        + ": its user had other subordinate ids when it was made than now [format=cais store 1, whiteouts"
                        + " user, ids 0 7 1 and 0 7 1, now=" + now
                        + "]; give the user those back in /etc/subuid and /etc/subgid, or choose another store");
    }
}
