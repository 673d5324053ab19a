package dev.cais.runtime.build;

import dev.cais.ByteSize;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.FileChange;
import dev.cais.HistoryEntry;
import dev.cais.Image;
import dev.cais.ImageConfig;
import dev.cais.Layer;
import dev.cais.Platform;
import dev.cais.image.BuiltImage;
import dev.cais.image.Nameless;
import dev.cais.image.dockerfile.StageState;
import dev.cais.image.oci.Hash;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * How far a stage has come.
 *
 * @param base the image that it began with
 * @param layers oldest first, the base's included
 * @param state what its image would say
 * @param steps for the history, behind those of the base
 * @param created when the newest layer was made
 */
record StageFiles(
        Optional<Image> base, List<Layer> layers, StageState state, StageHistory steps, Optional<Instant> created) {
    private static final String BUILDKIT = "buildkit.dockerfile.v0";

    StageFiles {
        layers = List.copyOf(layers);
    }

    static StageFiles scratch() {
        return new StageFiles(Optional.empty(), List.of(), StageState.ofScratch(), StageHistory.NONE, Optional.empty());
    }

    static StageFiles of(Image image) {
        return new StageFiles(
                Optional.of(image),
                image.layers(),
                StageState.begin(image.config()),
                StageHistory.NONE,
                image.config().created());
    }

    /** At the beginning of another stage. */
    StageFiles next() {
        return new StageFiles(base, layers, state.next(), steps, created);
    }

    StageFiles with(StageState changed) {
        return new StageFiles(base, layers, changed, steps, created);
    }

    /** With an instruction that changed no files. */
    StageFiles with(StageState changed, String history) {
        var more = steps.with(new HistoryEntry(created, history, BUILDKIT, "", true));
        return new StageFiles(base, layers, changed, more, created);
    }

    /** With one that did. */
    StageFiles with(Layer layer, Instant made, String history) {
        var all = new ArrayList<>(layers);
        all.add(layer);
        var more = steps.with(new HistoryEntry(Optional.of(made), history, BUILDKIT, "", false));
        return new StageFiles(base, all, state, more, Optional.of(made));
    }

    /** Whether it has nothing but what its image has. */
    boolean isBase() {
        return base.filter(image -> image.layers().size() == layers.size()).isPresent();
    }

    List<Digest> diffIds() {
        return layers.stream().map(Layer::diffId).toList();
    }

    /** Says what all its files are. */
    Digest chain() {
        return Hash.sha256(diffIds().stream()
                .map(Digest::toString)
                .collect(Collectors.joining("\n"))
                .getBytes(StandardCharsets.US_ASCII));
    }

    /** @param platform that was asked for; empty for the base's */
    BuiltImage finished(ImageConfig config, Optional<Platform> platform) {
        return new BuiltImage(
                base, layers, created.map(config::created).orElse(config), steps.entries(), platform, Optional.empty());
    }

    /** As containers of the build see it. Paths that the image declares as volumes are directories like others. */
    Image asImage() {
        return new Unfinished(chain(), this);
    }

    private record Unfinished(Digest id, StageFiles files) implements Nameless {
        @Override
        public Platform platform() {
            return Platform.host();
        }

        @Override
        public ByteSize size() {
            return ByteSize.bytes(
                    layers().stream().mapToLong(layer -> layer.size().bytes()).sum());
        }

        @Override
        public List<Layer> layers() {
            return files.layers();
        }

        @Override
        public List<FileChange> changes(Layer layer) {
            throw new ConflictException("cannot tell what a layer of a stage changed: its build has not ended");
        }

        @Override
        public ImageConfig config() {
            var config = files.state().config();
            return ImageConfig.EMPTY
                    .env(files.state().environment())
                    .user(config.user())
                    .workdir(config.workdir());
        }

        @Override
        public List<HistoryEntry> history() {
            return files.steps().entries();
        }

        @Override
        public Image tag(String newName) {
            throw new ConflictException("cannot name a stage " + newName + ": its build has not ended");
        }

        @Override
        public void remove() {
            throw new ConflictException("cannot remove a stage: its build has not ended");
        }
    }
}
