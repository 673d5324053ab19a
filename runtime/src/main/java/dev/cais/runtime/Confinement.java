package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.linux.Syscall;
import dev.cais.runtime.security.Capability;
import dev.cais.runtime.security.SeccompFilter;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What a container's processes may do.
 *
 * @param bounding capabilities that they can ever have
 * @param effective those that they begin with
 * @param filter empty for none
 * @param noNewPrivileges whether set-user-id programs gain nothing
 */
record Confinement(
        Set<Capability> bounding, Set<Capability> effective, Optional<SeccompFilter> filter, boolean noNewPrivileges) {
    /** Made between the filter and the program's own first call, if the filter is loaded as late as can be. */
    private static final List<Syscall> AFTER_LATE_FILTER = List.of(Syscall.EXECVE);

    /** Without no_new_privs a filter needs CAP_SYS_ADMIN, so the capabilities are dropped behind it. */
    private static final List<Syscall> AFTER_EARLY_FILTER = List.of(
            Syscall.SETGROUPS, Syscall.SETRESGID, Syscall.SETRESUID, Syscall.CAPSET, Syscall.CHDIR, Syscall.EXECVE);

    /** @throws dev.cais.InvalidSpecException if the profile is malformed, or forbids what a start needs */
    static Confinement of(ContainerSpec spec, String name, Accounts.Identity identity) {
        var bounding = Capability.DEFAULT;
        var filter = SeccompFilter.of(spec.security().seccomp(), bounding);
        filter.ifPresent(loaded -> loaded.requireAllowed(
                name, spec.security().noNewPrivileges() ? AFTER_LATE_FILTER : AFTER_EARLY_FILTER));
        return new Confinement(
                bounding,
                identity.isRoot() ? bounding : Set.of(),
                filter,
                spec.security().noNewPrivileges());
    }

    /** The same for another process of the container that runs as somebody else. */
    Confinement as(Accounts.Identity identity) {
        return new Confinement(bounding, identity.isRoot() ? bounding : Set.of(), filter, noNewPrivileges);
    }
}
