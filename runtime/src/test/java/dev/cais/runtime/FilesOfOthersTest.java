package dev.cais.runtime;

import dev.cais.fixtures.LeakChecked;
import dev.cais.fixtures.RequiresRoot;

@RequiresRoot
@LeakChecked
class FilesOfOthersTest extends FilesOfOthersContract {
    @Override
    AutoCloseable rights() {
        return () -> {};
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
        return true;
    }
}
