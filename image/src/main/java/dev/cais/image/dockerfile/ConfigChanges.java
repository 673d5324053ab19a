package dev.cais.image.dockerfile;

import dev.cais.CommitOptions;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import dev.cais.linux.Signal;
import java.util.List;
import java.util.Set;

/** What a commit says of a configuration, its instructions read. */
public final class ConfigChanges {
    private static final Set<Class<? extends Instruction>> ALLOWED = Set.of(
            Instruction.Cmd.class,
            Instruction.Entrypoint.class,
            Instruction.Env.class,
            Instruction.Expose.class,
            Instruction.Health.class,
            Instruction.Label.class,
            Instruction.OnBuild.class,
            Instruction.StopSignal.class,
            Instruction.User.class,
            Instruction.Volume.class,
            Instruction.Workdir.class);

    private final CommitOptions options;
    private final List<Instruction> instructions;

    /** @throws InvalidSpecException if one of the instructions is none, or changes more than a configuration */
    public ConfigChanges(CommitOptions options) {
        this.options = options;
        this.instructions = options.changes().stream().map(ConfigChanges::parse).toList();
    }

    private static Instruction parse(String text) {
        var instruction = Instruction.parse(text);
        if (!ALLOWED.contains(instruction.getClass())) {
            throw new InvalidSpecException(
                    "cannot carry out instruction '" + Shown.text(text.trim())
                            + "': a commit changes an image's configuration alone",
                    "write CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or"
                            + " WORKDIR");
        }
        return instruction;
    }

    /** In place of what the configuration said, or beside it; instructions last, in order. */
    public ImageConfig apply(ImageConfig base) {
        var config = base.env(options.env())
                .expose(options.exposedPorts())
                .volume(options.volumes())
                .label(options.labels());
        if (!options.author().isEmpty()) {
            config = config.author(options.author());
        }
        if (options.entrypoint().isPresent()) {
            config = config.entrypoint(options.entrypoint().get()).command(List.of());
        }
        if (options.command().isPresent()) {
            config = config.command(options.command().get());
        }
        if (!options.user().isEmpty()) {
            config = config.user(options.user());
        }
        if (!options.workdir().isEmpty()) {
            config = config.workdir(options.workdir());
        }
        if (!options.stopSignal().isEmpty()) {
            Signal.parse(options.stopSignal()); // nobody could start what is made of it
            config = config.stopSignal(options.stopSignal());
        }
        var state = StageState.of(config);
        for (var instruction : instructions) {
            try {
                state = state.after(instruction, BuildArguments.NONE);
            } catch (InvalidSpecException e) {
                throw new InvalidSpecException("cannot carry out instruction '"
                        + Shown.text(instruction.source().text()) + "': " + e.getMessage());
            }
        }
        return state.config();
    }
}
