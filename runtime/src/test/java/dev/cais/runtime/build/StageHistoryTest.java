package dev.cais.runtime.build;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.HistoryEntry;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StageHistoryTest {
    private static HistoryEntry entry(int number) {
        return new HistoryEntry(Optional.empty(), "LABEL n=" + number, "", "", true);
    }

    @Test
    void twoThatGoOnFromOneHaveItsEntriesAndTheirOwn() {
        var both = StageHistory.NONE.with(entry(1));
        var one = both.with(entry(2));
        var other = both.with(entry(3)).with(entry(4));

        assertThat(StageHistory.NONE.entries()).isEmpty();
        assertThat(both.entries()).containsExactly(entry(1));
        assertThat(one.entries()).containsExactly(entry(1), entry(2));
        assertThat(other.entries()).containsExactly(entry(1), entry(3), entry(4));
    }

    @Test
    void asManyAsADockerfileHasInstructionsTakeNoStack() {
        var many = StageHistory.NONE;
        for (var n = 0; n < 100_000; n++) {
            many = many.with(entry(n));
        }

        assertThat(many.entries()).hasSize(100_000).startsWith(entry(0)).endsWith(entry(99_999));
    }
}
