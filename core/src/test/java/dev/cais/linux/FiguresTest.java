package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FiguresTest {
    @Test
    void aFieldIsFoundByItsWholeName() {
        var figures = Figures.of("total_cache 5\ncache 17\nmax 3\nlast 9");

        assertThat(figures.field("cache")).isEqualTo(17);
        assertThat(figures.field("total_cache")).isEqualTo(5);
        assertThat(figures.field("max")).isEqualTo(3);
        assertThat(figures.field("last")).isEqualTo(9);
        assertThat(figures.field("total")).isZero();
        assertThat(figures.has("total")).isFalse();
        assertThat(figures.lines()).isEqualTo(3);
    }

    @Test
    void numbersAreBounded() {
        assertThat(Figures.of("9223372036854775807\n").number()).isEqualTo(Long.MAX_VALUE);
        assertThat(Figures.of("99999999999999999999\n").number()).isEqualTo(Long.MAX_VALUE);
        assertThat(Figures.of("max\n").number()).isEqualTo(Long.MAX_VALUE);
        assertThat(Figures.of("").number()).isZero();
        assertThat(Figures.of("x").number()).isZero();
    }

    @Test
    void wordsAndNumbersOfALineComeOneByOne() {
        var figures = Figures.of("  lo: 12 1F80:0A\t7\nnext line\n");

        assertThat(figures.nextWord(':')).isEqualTo("lo");
        assertThat(figures.nextNumber()).isEqualTo(12);
        assertThat(figures.nextHex()).isEqualTo(0x1f80);
        assertThat(figures.skip(':')).isTrue();
        assertThat(figures.skip(':')).isFalse();
        assertThat(figures.nextHex()).isEqualTo(10);
        assertThat(figures.nextNumber()).isEqualTo(7);
        assertThat(figures.nextWord(':')).isEmpty();
        assertThat(figures.nextNumber()).isZero();
        assertThat(figures.nextLine()).isTrue();
        figures.skipWords(1);
        assertThat(figures.nextWord(' ')).isEqualTo("line");
        assertThat(figures.nextLine()).isFalse();
        assertThat(figures.nextLine()).isFalse();
        assertThat(figures.at("")).isFalse();
    }

    @Test
    void aFileLargerThanTheBufferIsReadWholeAndOneThatIsGoneIsNot(@TempDir Path directory) throws Exception {
        var file = directory.resolve("large");
        Files.writeString(file, "filler 1\n".repeat(10_000) + "wanted 42\n");
        var figures = new Figures();

        try (var opened = ControlFile.openDirectory(directory)) {
            assertThat(figures.read(opened, "large")).isTrue();
            assertThat(figures.field("wanted")).isEqualTo(42);
            assertThat(figures.lines()).isEqualTo(10_001);
            assertThat(figures.read(opened, "missing")).isFalse();
            assertThat(figures.has("wanted")).isFalse();
        }
        assertThat(figures.read("/proc/self/stat")).isTrue();
        assertThat(figures.number()).isEqualTo(ProcessHandle.current().pid());
    }
}
