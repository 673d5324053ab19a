package dev.cais;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EngineOptionsTest {
    @ParameterizedTest
    @CsvSource({
        "'', /home/anna, /home/anna/.local/share",
        "'', ?, /work/.local/share",
        "/data, /home/anna, /data",
        "data, /home/anna, /home/anna/.local/share",
    })
    void aUsersDataHaveAnAbsolutePlace(String data, String home, Path expected) {
        assertThat(EngineOptions.dataDirectory(Map.of("XDG_DATA_HOME", data, "HOME", "/work"), home))
                .isEqualTo(expected);
    }

    @Test
    void whoHasNoHomeHasTheRoot() {
        assertThat(EngineOptions.dataDirectory(Map.of(), "?")).isEqualTo(Path.of("/.local/share"));
    }
}
