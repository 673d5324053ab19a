package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SysctlsTest {
    @ParameterizedTest
    @CsvSource({
        "net.ipv4.ip_forward, net/ipv4/ip_forward",
        "net/ipv4/ip_forward, net/ipv4/ip_forward",
        "net.ipv4.conf.eth0/100.forwarding, net/ipv4/conf/eth0.100/forwarding",
        "net/ipv4/conf/eth0.100/forwarding, net/ipv4/conf/eth0.100/forwarding",
        "kernel.shmmax, kernel/shmmax",
        "kernel.shm_rmid_forced, kernel/shm_rmid_forced",
        "kernel.msgmnb, kernel/msgmnb",
        "kernel.sem, kernel/sem",
        "fs.mqueue.msg_max, fs/mqueue/msg_max"
    })
    void aSysctlOfAnOwnNamespaceIsSet(String key, String file) {
        assertThat(Sysctls.file(key, true, true)).isEqualTo(file);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "vm.swappiness",
                "kernel.core_pattern",
                "kernel.shmmax_",
                "fs.file-max",
                "network.x",
                "kernel/panic"
            })
    void aSysctlOfTheWholeHostIsRefused(String key) {
        assertThatThrownBy(() -> Sysctls.file(key, true, true))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl " + key + ": it belongs to the whole host, not to a namespace; net.*,"
                        + " fs.mqueue.*, kernel.msg*, kernel.sem and kernel.shm* can be set");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "net..ipv4", "net/../kernel/core_pattern", "net.ipv4.", "/net/ipv4/ip_forward", "net./.x"})
    void aKeyThatIsNoNameIsRefused(String key) {
        assertThatThrownBy(() -> Sysctls.file(key, true, true))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl '" + key + "': it is not names joined by dots, as net.ipv4.ip_forward");
    }

    @Test
    void aSharedNamespaceIsNotChanged() {
        assertThatThrownBy(() -> Sysctls.file("net.ipv4.ip_forward", false, true))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl net.ipv4.ip_forward: the container shares the host's network namespace");
        assertThatThrownBy(() -> Sysctls.file("fs.mqueue.msg_max", true, false))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl fs.mqueue.msg_max: the container shares the host's IPC namespace");
    }

    @Test
    void namesHaveTheirOwnWay() {
        assertThatThrownBy(() -> Sysctls.file("kernel.hostname", true, true))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot set sysctl kernel.hostname: the host name has a field of its own; use hostname(…)");
        assertThatThrownBy(() -> Sysctls.file("kernel/domainname", true, true))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage(
                        "cannot set sysctl kernel.domainname: the kernel does not confine writing it to the container");
    }
}
