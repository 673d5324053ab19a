package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;

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
}
