package dev.cais.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cais.InvalidSpecException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SignalTest {
    @ParameterizedTest
    @CsvSource({"TERM,15", "SIGTERM,15", "sigkill,9", "9,9", "RTMIN,34", "SIGRTMIN+3,37", "RTMAX-1,63", "POLL,29"})
    void namesAndNumbersAreRead(String text, int number) {
        assertThat(Signal.parse(text).number()).isEqualTo(number);
    }

    @ParameterizedTest
    @CsvSource({"''", "0", "65", "-1", "TERMINATE", "RTMAX+1", "RTMINx"})
    void othersAreRefused(String text) {
        assertThatThrownBy(() -> Signal.parse(text))
                .isInstanceOf(InvalidSpecException.class)
                .hasMessage("cannot use signal " + text + ": there is none of that name; write SIGTERM, TERM or 15");
    }

    @Test
    void everySignalsNameIsReadBack() {
        for (var number = 1; number <= 64; number++) {
            if (number != 32 && number != 33) {
                assertThat(Signal.parse(new Signal(number).toString()).number()).isEqualTo(number);
            }
        }
    }
}
