package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.Platform;
import dev.cais.UnsupportedHostException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the kernel says of registered emulators, as it is read. */
class EmulationTest {
    /** As Debian's qemu-user-static registers it. */
    private static final String ARM64 = """
            enabled
            interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
            flags: POCF
            offset 0
            magic 7f454c460201010000000000000000000200b700
            mask ffffffffffffff00fffffffffffffffffeffffff
            """;

    @TempDir
    private Path registered;

    private Emulation emulation;

    @BeforeEach
    void open() throws IOException {
        emulation = new Emulation(registered, Platform.parse("linux/amd64"));
        Files.writeString(registered.resolve("status"), "enabled\n");
        Files.writeString(registered.resolve("register"), "");
        Files.writeString(
                registered.resolve("jar"), "enabled\ninterpreter /usr/bin/jexec\nflags: \noffset 0\nmagic 504b0304\n");
        Files.writeString(registered.resolve("by-name"), "enabled\ninterpreter /usr/bin/x\nflags: \nextension .x\n");
    }

    private void refuse(String platform, String message) {
        assertThatThrownBy(() -> emulation.require(Platform.parse(platform)))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessage(message);
    }

    @Test
    void theHostsOwnProgramsNeedNone() {
        assertThatCode(() -> emulation.require(Platform.parse("linux/amd64"))).doesNotThrowAnyException();
        assertThatCode(() -> emulation.require(Platform.parse("linux/386"))).doesNotThrowAnyException();
    }

    @Test
    void anEmulatorIsKnownByTheProgramsThatItTakes() throws IOException {
        Files.writeString(registered.resolve("any-name"), ARM64);

        assertThatCode(() -> emulation.require(Platform.parse("linux/arm64/v8")))
                .doesNotThrowAnyException();
        refuse(
                "linux/riscv64",
                "programs for linux/riscv64 do not run on this host, which is linux/amd64 and has no emulator for them;"
                        + " install qemu-user-static, which registers with binfmt_misc, or write FROM"
                        + " --platform=$BUILDPLATFORM and let the stage compile for $TARGETPLATFORM");
    }

    @Test
    void oneThatIsSwitchedOffIsNone() throws IOException {
        Files.writeString(registered.resolve("qemu-aarch64"), ARM64.replace("enabled", "disabled"));

        assertThatThrownBy(() -> emulation.require(Platform.parse("linux/arm64")))
                .isInstanceOf(UnsupportedHostException.class)
                .hasMessageContaining("has no emulator for them");
    }

    @Test
    void oneThatIsLookedForInTheContainerIsNotThere() throws IOException {
        Files.writeString(registered.resolve("qemu-aarch64"), ARM64.replace("POCF", "OC"));

        refuse(
                "linux/arm64",
                "programs for linux/arm64 do not run in containers of this host: their emulator"
                        + " /usr/libexec/qemu-binfmt/aarch64-binfmt-P is looked for in the container; register it with"
                        + " flag F, as qemu-user-static does");
    }

    @Test
    void otherSystemsProgramsNeverRun() {
        refuse("windows/amd64", "programs for windows/amd64 do not run on this host, which is linux/amd64");
    }
}
