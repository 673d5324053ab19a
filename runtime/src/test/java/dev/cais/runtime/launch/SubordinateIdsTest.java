package dev.cais.runtime.launch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.runtime.launch.SubordinateIds.Range;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class SubordinateIdsTest {
    @Test
    void rangesOfAUserAreFoundByNameAndByNumber() {
        var text = """
                other:100000:65536
                ana:165536:65536
                1000:300000:10
                """;

        assertThat(SubordinateIds.parse(text, "ana", 1000))
                .containsExactly(new Range(165536, 65536), new Range(300000, 10));
    }

    @Test
    void linesThatMakeNoSenseArePassedOver() {
        var text = """
                # ana:1:1
                ana
                ana:1:2:3
                ana:-5:10
                ana:10:0
                ana:4294967290:10
                ana:99999999999:1
                ana:one:two
                ana:7:3
                """;

        assertThat(SubordinateIds.parse(text, "ana", 1000)).containsExactly(new Range(7, 3));
    }

    @Test
    void hostWithoutTheFileHasNone() {
        assertThat(SubordinateIds.read(Path.of("/nowhere/subuid"), "ana", 1000)).isEmpty();
    }

    @Test
    void rootInsideIsTheUserAndSubordinatesFollowWithoutAGap() {
        var map = IdMap.of(1000, List.of(new Range(165536, 65536), new Range(300000, 10)));

        assertThat(map).hasToString("0 1000 1\n1 165536 65536\n65537 300000 10");
        assertThat(map.size()).isEqualTo(65547);
        assertThat(map.has(65546)).isTrue();
        assertThat(map.has(65547)).isFalse();
    }
}
