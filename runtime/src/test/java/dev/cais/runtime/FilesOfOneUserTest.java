package dev.cais.runtime;

import dev.cais.fixtures.AsPlainUser;
import dev.cais.fixtures.LeakChecked;

@AsPlainUser(subordinateIds = false)
@LeakChecked
class FilesOfOneUserTest extends FilesOfOthersContract {
    @Override
    AutoCloseable rights() {
        return Deputized.create();
    }

    @Override
    String owner(int uid, int gid) {
        return "0:0";
    }

    @Override
    String accessControlList(String acl) {
        return "";
    }

    @Override
    boolean hasDevices() {
        return false;
    }
}
