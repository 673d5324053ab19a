package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction.Add;
import dev.cais.image.dockerfile.Instruction.Arg;
import java.util.Optional;

/**
 * A stage that is what one address has, and nothing else: {@code SOURCE_DATE_EPOCH} may name it, to have its time.
 *
 * @param keepGitDirectory see {@link Add}
 */
public record SourceStage(String address, Optional<String> checksum, Optional<Boolean> keepGitDirectory) {
    /** @throws InvalidSpecException with the reason alone, if the stage is another one */
    public static SourceStage of(Stage stage, BuildArguments arguments) {
        if (!stage.from().image().expand(arguments::variable).equals("scratch")) {
            throw other(stage, "it does not begin FROM scratch");
        }
        var state = StageState.ofScratch();
        var found = Optional.<SourceStage>empty();
        for (var instruction : stage.instructions()) {
            if (instruction instanceof Arg) {
                state = state.after(instruction, arguments);
            } else if (instruction instanceof Add add && found.isEmpty()) {
                found = Optional.of(of(stage, add, state));
            } else {
                throw other(stage, "it has " + instruction.keyword() + " beside that");
            }
        }
        return found.orElseThrow(() -> other(stage, "it has no ADD"));
    }

    private static SourceStage of(Stage stage, Add add, StageState state) {
        if (add.files().sources().size() != 1 || !add.files().documents().isEmpty()) {
            throw other(stage, "its ADD has not one source");
        }
        return new SourceStage(
                state.expand(add.files().sources().get(0)), add.checksum().map(state::expand), add.keepGitDirectory());
    }

    private static InvalidSpecException other(Stage stage, String why) {
        return new InvalidSpecException(
                "stage " + stage + " has no time: " + why,
                "begin it FROM scratch, with one ADD of one address of http, https or git, and ARG before it");
    }
}
