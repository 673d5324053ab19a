package dev.cais.runtime.cgroup;

/** The contract with all that this host mounts. */
class CgroupTest extends CgroupContract {
    CgroupTest() {
        super(Cgroups.detect());
    }
}
