package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BuildSecretTest {
    private static final int LARGEST = 500 * 1024;

    @Test
    void itIsNotShown(@TempDir Path directory) {
        assertThat(BuildSecret.of("t0p")).hasToString("BuildSecret[…]");
        assertThat(BuildSecret.ofFile(directory.resolve("file")))
                .hasToString("BuildSecret[" + directory.resolve("file") + "]");
    }

    @Test
    void itHasALimit(@TempDir Path directory) throws IOException {
        assertThat(BuildSecret.of(new byte[LARGEST]).content()).hasSize(LARGEST);
        assertThatThrownBy(() -> BuildSecret.of(new byte[LARGEST + 1]))
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use a build's secret: it has more than 500 KiB");

        var file = Files.write(directory.resolve("file"), new byte[LARGEST]);
        assertThat(BuildSecret.ofFile(file).content()).hasSize(LARGEST);
        assertThatThrownBy(BuildSecret.ofFile(Path.of("/dev/zero"))::content)
                .isExactlyInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use a build's secret from /dev/zero: it has more than 500 KiB");
    }
}
