package dev.cais.image.dockerfile;

import dev.cais.Platform;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A stage, and where its files come from.
 *
 * @param base what it begins with
 * @param platform that it is built for
 * @param instructions triggers of its base first
 * @param origins what {@code --from} names, as it is written there
 */
public record PlannedStage(
        Stage stage, Origin base, Platform platform, List<Instruction> instructions, Map<String, Origin> origins) {
    public PlannedStage {
        instructions = List.copyOf(instructions);
        origins = Collections.unmodifiableMap(new LinkedHashMap<>(origins));
    }

    public int number() {
        return stage.number();
    }

    /** Numbers of the stages whose results it needs. */
    public Set<Integer> needs() {
        var numbers = new LinkedHashSet<Integer>();
        Stream.concat(Stream.of(base), origins.values().stream())
                .filter(Origin.OfStage.class::isInstance)
                .forEach(origin -> numbers.add(((Origin.OfStage) origin).number()));
        return numbers;
    }
}
