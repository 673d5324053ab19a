package dev.cais.runtime;

import dev.cais.InvalidSpecException;
import dev.cais.Security;
import dev.cais.UnsupportedHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a security module of the kernel is told before a program is executed.
 *
 * @param file below /proc
 * @see <a href="https://man7.org/linux/man-pages/man5/proc_pid_attr.5.html">proc_pid_attr(5)</a>
 */
record SecurityLabel(String file, String content) {
    private static final Path APPARMOR = Path.of("/sys/module/apparmor/parameters/enabled");
    private static final Path SELINUX = Path.of("/sys/fs/selinux/enforce");
    private static final String UNCONFINED = "unconfined";

    /**
     * What a spec asks for.
     *
     * @return empty if it asks for none
     * @throws UnsupportedHostException if the kernel does not have that module
     */
    static Optional<SecurityLabel> of(Security security, String container) {
        var apparmor = security.apparmor();
        var selinux = security.selinuxLabel();
        if (!apparmor.isEmpty() && !selinux.isEmpty()) {
            throw new InvalidSpecException("cannot start " + container
                    + " with an AppArmor profile and an SELinux label: a kernel follows one of them");
        }
        if (!apparmor.isEmpty() && !(apparmor.equals(UNCONFINED) && !hasApparmor())) {
            if (!hasApparmor()) {
                throw new UnsupportedHostException(
                        "cannot start " + container + " with AppArmor profile " + apparmor
                                + ": AppArmor is not enabled in this kernel",
                        "leave the profile out, or boot with apparmor=1 security=apparmor");
            }
            var own = Files.exists(Path.of("/proc/self/attr/apparmor/exec"));
            return Optional.of(
                    new SecurityLabel(own ? "self/attr/apparmor/exec" : "self/attr/exec", "exec " + apparmor));
        }
        if (!selinux.isEmpty()) {
            if (!Files.exists(SELINUX)) {
                throw new UnsupportedHostException(
                        "cannot start " + container + " with SELinux label " + selinux
                                + ": SELinux is not enabled in this kernel",
                        "leave the label out, or boot with selinux=1 security=selinux");
            }
            return Optional.of(new SecurityLabel("self/attr/exec", selinux));
        }
        return Optional.empty();
    }

    private static boolean hasApparmor() {
        return Files.exists(APPARMOR) && Host.read(APPARMOR).startsWith("Y");
    }
}
