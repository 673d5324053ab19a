package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.SeccompProfile;
import dev.cais.Security;
import dev.cais.linux.Syscall;
import dev.cais.runtime.security.Capability;
import dev.cais.runtime.security.SeccompFilter;
import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumSet;
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
 * @param label for the kernel's security module; empty for that of this process
 */
record Confinement(
        Set<Capability> bounding,
        Set<Capability> effective,
        Optional<SeccompFilter> filter,
        boolean noNewPrivileges,
        Optional<SecurityLabel> label) {
    /** Made between the filter and the program's own first call, if the filter is loaded as late as can be. */
    private static final List<Syscall> AFTER_LATE_FILTER = List.of(Syscall.EXECVE);

    /** Without no_new_privs a filter needs CAP_SYS_ADMIN, so the capabilities are dropped behind it. */
    private static final List<Syscall> AFTER_EARLY_FILTER = List.of(
            Syscall.SETGROUPS, Syscall.SETRESGID, Syscall.SETRESUID, Syscall.CAPSET, Syscall.CHDIR, Syscall.EXECVE);

    private static final String ALL = "ALL";

    /**
     * @throws dev.cais.InvalidSpecException if the profile is malformed, or forbids what a start needs; if there is no such
     *     capability
     * @throws dev.cais.UnsupportedHostException if a security module is asked for that the kernel does not have
     */
    static Confinement of(ContainerSpec spec, String name, Accounts.Identity identity) {
        var security = spec.security();
        var bounding = bounding(security);
        var unfiltered = security.privileged() && security.seccomp() instanceof SeccompProfile.Standard;
        var filter = unfiltered ? Optional.<SeccompFilter>empty() : SeccompFilter.of(security.seccomp(), bounding);
        filter.ifPresent(loaded -> {
            loaded.requireAllowed(name, security.noNewPrivileges() ? AFTER_LATE_FILTER : AFTER_EARLY_FILTER);
            if (spec.init()) {
                loaded.requireAllowed(name, InitSteps.CALLS);
            }
        });
        return new Confinement(
                bounding,
                identity.isRoot() ? bounding : Set.of(),
                filter,
                security.noNewPrivileges(),
                SecurityLabel.of(security, name));
    }

    /** The same for another process of the container, as somebody else. */
    Confinement as(Accounts.Identity identity) {
        return new Confinement(bounding, identity.isRoot() ? bounding : Set.of(), filter, noNewPrivileges, label);
    }

    /** The same with all capabilities that there are, and no filter. */
    Confinement privileged(Accounts.Identity identity) {
        var all = permitted();
        return new Confinement(all, identity.isRoot() ? all : Set.of(), Optional.empty(), noNewPrivileges, label);
    }

    /** First what is dropped, then what is added: so {@code ALL} may be dropped and one added again. */
    private static Set<Capability> bounding(Security security) {
        if (security.privileged()) {
            return permitted();
        }
        if (security.capAdd().isEmpty() && security.capDrop().isEmpty()) {
            return Capability.DEFAULT;
        }
        var bounding =
                security.capAdd().contains(ALL) ? EnumSet.copyOf(permitted()) : EnumSet.copyOf(Capability.DEFAULT);
        if (security.capDrop().contains(ALL)) {
            bounding.clear();
        }
        security.capDrop().stream()
                .filter(name -> !name.equals(ALL))
                .map(Capability::parse)
                .forEach(bounding::remove);
        if (security.capAdd().contains(ALL) && security.capDrop().contains(ALL)) {
            bounding.addAll(permitted());
        }
        security.capAdd().stream()
                .filter(name -> !name.equals(ALL))
                .map(Capability::parse)
                .forEach(bounding::add);
        return Collections.unmodifiableSet(bounding);
    }

    /** All that this process could give away: a plain user has all in the user namespace that its containers are in. */
    private static Set<Capability> permitted() {
        if (Host.effectiveUser() != 0) {
            return EnumSet.allOf(Capability.class);
        }
        var line = Host.read(Path.of("/proc/self/status"))
                .lines()
                .filter(each -> each.startsWith("CapPrm:"))
                .findFirst()
                .orElseThrow();
        return Capability.of(Long.parseUnsignedLong(line.substring(7).strip(), 16));
    }
}
