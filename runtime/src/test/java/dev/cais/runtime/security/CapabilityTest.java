package dev.cais.runtime.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CapabilityTest {
    @Test
    void numbersAreTheKernels() {
        assertThat(Capability.CAP_CHOWN.number()).isZero();
        assertThat(Capability.CAP_SYS_ADMIN.number()).isEqualTo(21);
        assertThat(Capability.CAP_MKNOD.number()).isEqualTo(27);
        assertThat(Capability.CAP_CHECKPOINT_RESTORE.number()).isEqualTo(40);
    }

    @Test
    void noneThatThisKernelHasIsMissing() throws IOException {
        var last = Integer.parseInt(
                Files.readString(Path.of("/proc/sys/kernel/cap_last_cap")).strip());

        assertThat(Capability.values().length - 1).isGreaterThanOrEqualTo(last);
    }

    @Test
    void theDefaultIsDockers14() {
        assertThat(Capability.DEFAULT).hasSize(14);
        assertThat(Capability.mask(Capability.DEFAULT)).isEqualTo(0xa80425fbL);
    }

    @Test
    void aSetAndItsMaskAreTheSame() {
        assertThat(Capability.of(0xa80425fbL)).isEqualTo(Capability.DEFAULT);
        assertThat(Capability.mask(EnumSet.allOf(Capability.class))).isEqualTo(0x1ffffffffffL);
        assertThat(Capability.of(1L << 63)).isEmpty();
        assertThat(Capability.mask(Set.of())).isZero();
    }

    @Test
    void namesAreReadInAnyForm() {
        assertThat(Capability.parse("CAP_NET_RAW")).isEqualTo(Capability.CAP_NET_RAW);
        assertThat(Capability.parse("net_raw")).isEqualTo(Capability.CAP_NET_RAW);
        assertThatThrownBy(() -> Capability.parse("ALL"))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use capability ALL: Linux has none of this name; see capabilities(7) for the list");
    }
}
