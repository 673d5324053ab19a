package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.KernelException;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class FdTest {
    private static final int O_CLOEXEC = 02000000;

    @Test
    void closesOnceAndIsNotUsableAfter() {
        var fd = open("/dev/null");
        assertThat(fd.number()).isPositive();
        fd.close();
        fd.close();
        assertThat(fd.isOpen()).isFalse();
        assertThatThrownBy(fd::number).isInstanceOf(IllegalStateException.class).hasMessage("descriptor is closed");
    }

    @Test
    void refusedCallNamesWhatWasTried() {
        assertThatThrownBy(() -> open("/nothing/here"))
                .isInstanceOf(KernelException.class)
                .hasMessage("cannot open /nothing/here: openat(2) failed with ENOENT (no such file or directory)")
                .satisfies(e -> assertThat(((KernelException) e).errno()).isEqualTo(2));
    }

    @Test
    void epollReportsTheKeyOfWhatIsReady() {
        try (var epoll = Epoll.create();
                var event = Fd.of(Syscalls.checked(
                        "cannot make an event", Syscall.EVENTFD2, Syscalls.call(Syscall.EVENTFD2, 1, O_CLOEXEC)))) {
            var keys = new ArrayList<Long>();
            epoll.add(event, Epoll.EPOLLIN, 42L);
            assertThat(epoll.await(1000, (key, events) -> keys.add(key))).isEqualTo(1);
            assertThat(keys).containsExactly(42L);

            epoll.remove(event);
            assertThat(epoll.await(0, (key, events) -> keys.add(key))).isZero();
        }
    }

    private static Fd open(String path) {
        try (var scratch = Scratch.frame()) {
            var result = Syscalls.call(Syscall.OPENAT, -100, scratch.path(path), O_CLOEXEC);
            return Fd.of(Syscalls.checked("cannot open " + path, Syscall.OPENAT, result));
        }
    }
}
