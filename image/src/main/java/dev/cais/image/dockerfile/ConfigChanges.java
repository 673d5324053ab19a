package dev.cais.image.dockerfile;

import dev.cais.CommitOptions;
import dev.cais.ImageConfig;
import java.util.List;

/** What is to be said of a configuration, its instructions read. */
public final class ConfigChanges {
    private final CommitOptions options;
    private final List<ConfigInstruction> instructions;

    /** @throws dev.cais.InvalidSpecException if one of the instructions is none */
    public ConfigChanges(CommitOptions options) {
        this.options = options;
        this.instructions =
                options.changes().stream().map(ConfigInstruction::parse).toList();
    }

    /** In place of what the configuration said, or beside it; instructions last. */
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
            config = config.stopSignal(options.stopSignal());
        }
        return ConfigInstruction.applyAll(instructions, config);
    }
}
