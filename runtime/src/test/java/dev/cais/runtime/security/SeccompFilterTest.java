package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.SeccompProfile;
import dev.cais.linux.Syscall;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SeccompFilterTest {
    private static final Verdict EPERM = new Verdict(Verdict.Action.ERRNO, 1);
    private static final Verdict ENOSYS = new Verdict(Verdict.Action.ERRNO, 38);

    private static SeccompFilter standard(Set<Capability> capabilities) {
        return SeccompFilter.of(SeccompProfile.standard(), capabilities).orElseThrow();
    }

    private static SeccompFilter standard() {
        return standard(Capability.DEFAULT);
    }

    private static SeccompFilter compile(String json) {
        return SeccompFilter.compile(json, Capability.DEFAULT, Architecture.X86_64, "6.1.0-56-amd64")
                .orElseThrow();
    }

    private static Verdict of(SeccompFilter filter, String name, long... arguments) {
        return filter.evaluate(
                Architecture.X86_64,
                SyscallNumbers.of(Architecture.X86_64, name).orElseThrow(),
                arguments);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "acct",
                "add_key",
                "bpf",
                "clock_settime",
                "delete_module",
                "fanotify_init",
                "finit_module",
                "fsconfig",
                "fsmount",
                "fsopen",
                "fspick",
                "get_mempolicy",
                "init_module",
                "io_uring_enter",
                "io_uring_register",
                "io_uring_setup",
                "ioperm",
                "iopl",
                "kcmp",
                "kexec_file_load",
                "kexec_load",
                "keyctl",
                "lookup_dcookie",
                "mbind",
                "mount",
                "mount_setattr",
                "move_mount",
                "move_pages",
                "nfsservctl",
                "open_by_handle_at",
                "open_tree",
                "perf_event_open",
                "pidfd_getfd",
                "pivot_root",
                "process_madvise",
                "quotactl",
                "reboot",
                "request_key",
                "set_mempolicy",
                "setdomainname",
                "sethostname",
                "setns",
                "settimeofday",
                "swapoff",
                "swapon",
                "sysfs",
                "syslog",
                "umount2",
                "unshare",
                "uselib",
                "userfaultfd",
                "ustat",
                "vhangup"
            })
    void aContainerMayNot(String name) {
        assertThat(of(standard(), name)).isEqualTo(EPERM);
    }

    @ParameterizedTest
    @CsvSource({
        "mount, CAP_SYS_ADMIN",
        "unshare, CAP_SYS_ADMIN",
        "clone3, CAP_SYS_ADMIN",
        "bpf, CAP_BPF",
        "perf_event_open, CAP_PERFMON",
        "syslog, CAP_SYSLOG",
        "reboot, CAP_SYS_BOOT",
        "chroot, CAP_SYS_CHROOT",
        "finit_module, CAP_SYS_MODULE",
        "mbind, CAP_SYS_NICE",
        "acct, CAP_SYS_PACCT",
        "kcmp, CAP_SYS_PTRACE",
        "iopl, CAP_SYS_RAWIO",
        "settimeofday, CAP_SYS_TIME",
        "vhangup, CAP_SYS_TTY_CONFIG",
        "open_by_handle_at, CAP_DAC_READ_SEARCH"
    })
    void aCapabilityOpensTheCallsThatAreUselessWithoutIt(String name, Capability capability) {
        assertThat(of(standard(Set.of()), name).allows()).isFalse();
        assertThat(of(standard(Set.of(capability)), name)).isEqualTo(Verdict.ALLOW);
    }

    @Test
    void aNamespaceIsNotMadeByCloneAndClone3SeemsMissing() {
        for (var namespace :
                List.of(0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)) {
            assertThat(of(standard(), "clone", namespace | 17)).isEqualTo(EPERM);
            assertThat(of(standard(), "clone", 1L << 40 | namespace)).isEqualTo(EPERM);
        }
        assertThat(of(standard(), "clone", 0x3d0f00)).isEqualTo(Verdict.ALLOW); // a thread
        assertThat(of(standard(), "clone3")).isEqualTo(ENOSYS);
    }

    @Test
    void onlyUsefulSocketFamiliesAreOpened() {
        var refused = Set.of(12, 19, 20, 23, 25, 34, 37, 38, 40);
        for (var family = 0; family <= 45; family++) {
            assertThat(of(standard(), "socket", family))
                    .as("family %d", family)
                    .isEqualTo(refused.contains(family) ? EPERM : Verdict.ALLOW);
            assertThat(of(standard(), "socket", 1L << 32 | family)).isEqualTo(EPERM); // the kernel would drop the bit
        }
        assertThat(of(standard(), "socket", 46)).isEqualTo(EPERM);
        assertThat(standard().evaluate(Architecture.X86, 102, 1)).isEqualTo(EPERM);
        assertThat(standard().evaluate(Architecture.X86, 102, 3)).isEqualTo(Verdict.ALLOW);
    }

    @ParameterizedTest
    @CsvSource({"0, true", "8, true", "131072, true", "131080, true", "4294967295, true", "4, false", "262144, false"})
    void onlyHarmlessPersonalities(long personality, boolean allowed) {
        assertThat(of(standard(), "personality", personality)).isEqualTo(allowed ? Verdict.ALLOW : EPERM);
    }

    @Test
    void tracingIsAllowedFromLinux4_8On() {
        assertThat(of(standard(), "ptrace")).isEqualTo(Verdict.ALLOW);
        var old = SeccompFilter.compile(
                        SeccompFilter.standardProfile(), Capability.DEFAULT, Architecture.X86_64, "4.7.3")
                .orElseThrow();
        assertThat(of(old, "ptrace")).isEqualTo(EPERM);
        assertThat(of(old, "process_vm_readv")).isEqualTo(EPERM);
    }

    @Test
    void theArmFilterAllowsWhatArmPrograms() {
        var filter = SeccompFilter.compile(
                        SeccompFilter.standardProfile(), Capability.DEFAULT, Architecture.AARCH64, "6.1")
                .orElseThrow();

        assertThat(filter.evaluate(Architecture.AARCH64, 221)).isEqualTo(Verdict.ALLOW); // execve
        assertThat(filter.evaluate(Architecture.AARCH64, 40)).isEqualTo(EPERM); // mount
        assertThat(filter.evaluate(Architecture.ARM, 0xf0005)).isEqualTo(Verdict.ALLOW); // set_tls
        assertThat(filter.evaluate(Architecture.ARM, 21)).isEqualTo(EPERM); // mount
        assertThat(filter.evaluate(Architecture.X86_64, 0).action()).isEqualTo(Verdict.Action.KILL_PROCESS);
    }

    @Test
    void theStandardFilterIsSmallAndTheSameEachTime() {
        var first = compile(SeccompFilter.standardProfile());

        assertThat(first.instructions()).isLessThan(300);
        assertThat(compile(SeccompFilter.standardProfile()).program()).isEqualTo(first.program());
        assertThat(first.flags()).isEqualTo(4); // SECCOMP_FILTER_FLAG_SPEC_ALLOW
    }

    @Test
    void equalProfilesAndCapabilitiesShareOneFilter() {
        assertThat(standard()).isSameAs(standard(EnumSet.copyOf(Capability.DEFAULT)));
        assertThat(standard(Set.of())).isNotSameAs(standard());
    }

    @Test
    void anUnconfinedContainerHasNoFilter() {
        assertThat(SeccompFilter.of(SeccompProfile.unconfined(), Capability.DEFAULT))
                .isEmpty();
        assertThat(SeccompFilter.of(new SeccompProfile.Custom("{}"), Capability.DEFAULT))
                .isEmpty();
    }

    @Test
    void theCallsThatAStartNeedsAreAllowed() {
        standard()
                .requireAllowed("web", List.of(Syscall.CAPSET, Syscall.SETRESUID, Syscall.EXECVE, Syscall.EXIT_GROUP));
    }

    @Test
    void aProfileThatForbidsANeededCallIsRefusedByName() {
        var filter = compile("""
                {"defaultAction": "SCMP_ACT_ALLOW",
                 "syscalls": [{"names": ["execve", "getpid"], "action": "SCMP_ACT_KILL_PROCESS"}]}
                """);

        assertThatThrownBy(() -> filter.requireAllowed("web", List.of(Syscall.CHDIR, Syscall.EXECVE)))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot start web: its seccomp profile forbids execve, which its start needs once the filter is"
                                + " loaded; allow execve in the profile");
    }

    @Test
    void theOlderFormWithArchitecturesAndNameIsRead() {
        var filter = compile("""
                {
                  "defaultAction": "SCMP_ACT_ERRNO",
                  "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_MIPS"],
                  "syscalls": [
                    {"name": "read", "action": "SCMP_ACT_ALLOW", "args": null},
                    {"name": "madeup", "action": "SCMP_ACT_ALLOW"},
                    {"name": "write", "action": "SCMP_ACT_ALLOW", "args": []}
                  ]
                }
                """);

        assertThat(of(filter, "read")).isEqualTo(Verdict.ALLOW);
        assertThat(of(filter, "write")).isEqualTo(Verdict.ALLOW);
        assertThat(of(filter, "open")).isEqualTo(ENOSYS); // above the last that is named
        assertThat(filter.evaluate(Architecture.X86, 3)).isEqualTo(Verdict.ALLOW);
        assertThat(filter.evaluate(Architecture.X86, 1)).isEqualTo(EPERM);
        assertThat(filter.evaluate(Architecture.X32, Architecture.X32_BIT).action())
                .isEqualTo(Verdict.Action.KILL_PROCESS);
    }

    @Test
    void conditionsOnOneArgumentAreAlternativesAndOthersHoldTogether() {
        var filter = compile("""
                {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
                  {"names": ["ioctl"], "action": "SCMP_ACT_ALLOW", "args": [
                    {"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]},
                  {"names": ["fcntl"], "action": "SCMP_ACT_ALLOW", "args": [
                    {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 2, "op": "SCMP_CMP_EQ"}]}]}
                """);

        assertThat(of(filter, "ioctl", 0, 1)).isEqualTo(Verdict.ALLOW);
        assertThat(of(filter, "ioctl", 0, -1)).isEqualTo(Verdict.ALLOW);
        assertThat(of(filter, "ioctl", 0, 2)).isEqualTo(EPERM);
        assertThat(of(filter, "fcntl", 1, 2)).isEqualTo(Verdict.ALLOW);
        assertThat(of(filter, "fcntl", 1, 1)).isEqualTo(EPERM);
        assertThat(of(filter, "fcntl", 2, 2)).isEqualTo(EPERM);
    }

    @Test
    void flagsAndErrorNumbersAreTaken() {
        var filter = compile("""
                {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 13, "flags": ["SECCOMP_FILTER_FLAG_LOG"],
                 "syscalls": [{"names": ["read"], "action": "SCMP_ACT_TRACE", "errnoRet": 7},
                              {"names": ["lsetxattr"], "action": "SCMP_ACT_ALLOW"}]}
                """);

        assertThat(filter.flags()).isEqualTo(2);
        assertThat(of(filter, "write")).isEqualTo(new Verdict(Verdict.Action.ERRNO, 13));
        assertThat(of(filter, "read")).isEqualTo(new Verdict(Verdict.Action.TRACE, 7));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"defaultAction\": \"SCMP_ACT_PASS\"} | action SCMP_ACT_PASS is unknown [line=1]; SCMP_ACT_ALLOW, _ERRNO, _KILL,"
                        + " _KILL_PROCESS, _KILL_THREAD, _LOG, _TRACE and _TRAP are known",
                "{\"defaultAction\": \"SCMP_ACT_NOTIFY\"} | action SCMP_ACT_NOTIFY needs a listener, and there is none [line=1]",
                "{\"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\"}]} | it has no defaultAction",
                "{\"syscalls\": [{\"names\": [\"read\"]}]} | an entry of syscalls has no action [line=1]",
                "{\"syscalls\": [{\"name\": \"read\", \"names\": [\"read\"]}]} | an entry of syscalls has both name and names"
                        + " [line=1]; leave name out",
                "{\"syscalls\": {}} | syscalls is not an array [line=1]",
                "[] | the profile is not an object [line=1]",
                "`` | the profile is not an object [line=1]",
                "{} {} | something stands behind its end [line=1]",
                "{\"defaultAction\": 1} | defaultAction is not a string [line=1]",
                "{\"defaultErrnoRet\": 4096} | defaultErrnoRet is not an error number, 0 to 4095 [line=1]",
                "{\"defaultErrnoRet\": \"EPERM\"} | defaultErrnoRet is not a whole number [line=1]",
                "{\"flags\": [\"X\"]} | flag X is unknown [line=1]; SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW and"
                        + " SECCOMP_FILTER_FLAG_TSYNC are known",
                "{\"architectures\": [\"SCMP_ARCH_VAX\"]} | architecture SCMP_ARCH_VAX is unknown [line=1]; they are written as"
                        + " SCMP_ARCH_X86_64",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"architectures\": [], \"archMap\": [{}], \"architectures\":"
                        + " [\"SCMP_ARCH_X86\"]} | it has both architectures and archMap; leave one of them out",
                "{\"syscalls\": [{\"args\": [{\"index\": 6, \"op\": \"SCMP_CMP_EQ\"}]}]} | argument index 6 is not 0 to 5 [line=1]",
                "{\"syscalls\": [{\"args\": [{\"index\": 1}]}]} | an argument has no op [line=1]",
                "{\"syscalls\": [{\"args\": [{\"value\": -1}]}]} | value is not 0 to 2^64 - 1 [line=1]",
                "{\"syscalls\": [{\"args\": [{\"value\": 18446744073709551616}]}]} | value is not 0 to 2^64 - 1 [line=1]",
                "{\"syscalls\": [{\"args\": [{\"op\": \"SCMP_CMP_LIKE\"}]}]} | op SCMP_CMP_LIKE is unknown [line=1]; SCMP_CMP_NE,"
                        + " _LT, _LE, _EQ, _GE, _GT and _MASKED_EQ are known",
                "{\"syscalls\": [{\"includes\": {\"minKernel\": \"new\"}}]} | kernel version new is not two numbers, as 4.8 [line=1]"
            })
    void aMalformedProfileIsRefusedInOneSentence(String json, String why) {
        assertThatThrownBy(() -> compile(json))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use the seccomp profile: " + why);
    }

    @Test
    void brokenJsonIsRefusedWithItsLine() {
        assertThatThrownBy(() -> compile("{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\",\n  oops\n}"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessageStartingWith("cannot read the seccomp profile: it is not JSON: ")
                .hasMessageEndingWith(" [line=3]");
    }

    @Test
    void anUnknownCapabilityIsRefused() {
        assertThatThrownBy(() -> compile("{\"syscalls\": [{\"includes\": {\"caps\": [\"CAP_FLY\"]}}]}"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot use capability CAP_FLY: Linux has none of this name; see capabilities(7) for the list");
    }

    @Test
    void aProfileChangedAtRandomIsReadOrRefusedAndNothingElse() {
        var random = new Random(3);
        var standard = SeccompFilter.standardProfile();
        for (var round = 0; round < 3000; round++) {
            var text = new StringBuilder(standard);
            for (var change = random.nextInt(4); change >= 0; change--) {
                var at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.setCharAt(at, (char) (32 + random.nextInt(95)));
                    case 1 -> text.delete(at, Math.min(text.length(), at + random.nextInt(40)));
                    default -> text.insert(at, "{}[],:\"0-\0".charAt(random.nextInt(10)));
                }
            }
            try {
                SeccompFilter.compile(text.toString(), Capability.DEFAULT, Architecture.X86_64, "6.1");
            } catch (InvalidSpecException e) {
                assertThat(e.getMessage()).startsWith("cannot ").hasSizeLessThan(400);
            }
        }
    }
}
