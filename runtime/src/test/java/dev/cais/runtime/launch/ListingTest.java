package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import dev.cais.linux.Abi;
import dev.cais.linux.Errno;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ListingTest {
    @Test
    void aProgramIsShownAsStraceWould() {
        var program = LaunchProgram.builder();
        var message = program.message("init", 1);
        var listing = program.reportFailuresTo(3)
                .closeRange(4, -1, 0)
                .setsid()
                .umask(022)
                .unshare(Abi.CLONE_NEWNS | Abi.CLONE_NEWCGROUP)
                .clone3(Abi.CLONE_PARENT | Abi.CLONE_NEWPID, 0, message.slot(0))
                .onZero("init")
                .sendmsg(Arg.of(4), message)
                .exit(0)
                .label("init")
                .prctl(Abi.PR_SET_PDEATHSIG, Abi.SIGKILL)
                .mount("proc", "/proc", "proc", Abi.MS_NOSUID | Abi.MS_NODEV | Abi.MS_NOEXEC, "")
                .mkdir("/run", 0755)
                .ignore(Errno.EEXIST)
                .mknod("/dev/null", Abi.S_IFCHR | 0666, 1, 3)
                .open("/dev/null", Abi.O_RDONLY | Abi.O_CLOEXEC, 0)
                .dup3(program.result(), 0, 0)
                .umount2("/old", Abi.MNT_DETACH)
                .ppoll(Optional.of(Duration.ofMillis(1500)), 5, 6)
                .onZero("late")
                .capset(0, 0x20, 0)
                .prlimit64(Abi.RLIMIT_NOFILE, 1024, -1)
                .seccomp(new byte[16], 0)
                .label("late")
                .rtSigprocmask(Abi.SIG_SETMASK, 0)
                .write(Arg.of(1), "two\nlines")
                .ignoreFailure()
                .execve("/bin/web", List.of("web", "--port=80"), List.of("SECRET=x"))
                .build()
                .listing();

        assertThat(listing).isEqualTo("""
                           0  close_range(4, ~0, 0)
                           1  setsid()
                           2  umask(022)
                           3  unshare(CLONE_NEWNS|CLONE_NEWCGROUP)
                           4  clone3({flags=CLONE_PIDFD|CLONE_PARENT|CLONE_NEWPID, exit_signal=0, pidfd=&data+16}, 88) ? 0 -> init
                           5  sendmsg(4, {"init", 1 descriptors}, MSG_NOSIGNAL)
                           6  exit_group(0)
                        init:
                           7  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
                           8  mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)
                           9  mkdirat(AT_FDCWD, "/run", 0755) ? EEXIST -> next
                          10  mknodat(AT_FDCWD, "/dev/null", 020666, makedev(1, 3))
                          11  openat(AT_FDCWD, "/dev/null", O_RDONLY|O_CLOEXEC, 0)
                          12  dup3($11, 0, 0)
                          13  umount2("/old", MNT_DETACH)
                          14  ppoll([5, 6], 2, {1.5 s}, NULL, 8) ? 0 -> late
                          15  capset({_LINUX_CAPABILITY_VERSION_3, 0}, {effective=0x0, permitted=0x20, inheritable=0x0})
                          16  prlimit64(0, RLIMIT_NOFILE, {1024, RLIM_INFINITY}, NULL)
                          17  seccomp(SECCOMP_SET_MODE_FILTER, 0x0, {2 instructions})
                        late:
                          18  rt_sigprocmask(SIG_SETMASK, [0x0], NULL, 8)
                          19  write(1, "two\\nlines", 9) ? failed -> next
                          20  execve("/bin/web", ["web", "--port=80"], [/* 1 variables */])
                          21  exit_group(0)
                        failure@3:
                          22  write(3, failure, 8) ? failed -> next
                          23  exit_group(125)
                        """);
    }

    @Test
    void whatAProgramInheritsIsGivenBackInOneOrder() {
        var listing = LaunchProgram.builder().resetInherited(0, 1, 2, 5).build().listing();

        assertThat(listing.lines().map(line -> line.substring(6).replaceAll("\\(.*", "")))
                .startsWith("close_range", "close_range", "umask", "chdir", "keyctl");
        assertThat(listing).contains("close_range(3, 4, 0)", "close_range(6, ~0, 0)");
    }

    @Test
    void aTextWithANulCharacterIsRefused() {
        assertThatThrownBy(() -> LaunchProgram.builder().chdir("/a\0b"))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot write a launch program: a text holds a NUL character [text=\"/a\\0b\"]");
    }

    @Test
    void optionsThatMountWouldCutAreRefused() {
        assertThatThrownBy(() -> LaunchProgram.builder().mount("overlay", "/root", "overlay", 0, "x".repeat(4096)))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot mount overlay on /root: mount(2) takes 4095 bytes of options [bytes=4096]");
    }

    @Test
    void aPlaceThatIsNowhereIsRefused() {
        assertThatThrownBy(() ->
                        LaunchProgram.builder().setsid().onFailure("nowhere").build())
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage("no such place: nowhere");
    }

    @Test
    void aPlaceHasOneName() {
        assertThatThrownBy(() -> LaunchProgram.builder().label("here").setsid().label("here"))
                .isExactlyInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aFourthCaseIsRefused() {
        var program = LaunchProgram.builder().setsid().onZero("a").ignore(Errno.EPERM, Errno.ENOSYS);

        assertThatThrownBy(() -> program.ignore(Errno.EACCES))
                .isExactlyInstanceOf(IllegalStateException.class)
                .hasMessage("a step tells apart three results at most");
    }
}
