package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.BuildLayer;
import dev.cais.Digest;
import dev.cais.image.dockerfile.Instruction.Files;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Shown;
import dev.cais.linux.Fd;
import dev.cais.storage.FileOperations;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A layer of files that a program gives: of no account is what is below it. */
final class LayerStep {
    private final Workplace workplace;
    private final Steps steps;
    private final String history;

    private final GivenFiles given;

    /** What each says that matters, files by what they hold. */
    private final Map<String, String> listing = new TreeMap<>();

    /** What files hold. */
    private final Map<String, Digest> contents = new TreeMap<>();

    LayerStep(Workplace workplace, Steps steps, Files files) {
        this.workplace = workplace;
        this.steps = steps;
        this.history = files.source().text();
        this.given = new GivenFiles("the layer", files.layer());
        given.entries().forEach(this::list);
    }

    private void list(String path, BuildLayer.Entry entry) {
        var text = entry.owner().uid() + ":" + entry.owner().gid() + " " + time(entry);
        if (entry.node() instanceof BuildLayer.File file) {
            var content = digest(entry, file);
            contents.put(path, content);
            listing.put(entry.path(), text + " file " + file.mode() + " " + content);
        } else if (entry.node() instanceof BuildLayer.Directory directory) {
            listing.put(entry.path(), text + " directory " + directory.mode());
        } else if (entry.node() instanceof BuildLayer.Link link) {
            listing.put(entry.path(), text + " link " + link.target());
        }
    }

    private static Digest digest(BuildLayer.Entry entry, BuildLayer.File file) {
        try (var in = new DigestInputStream(GivenFiles.open(file), Hash.of("sha256"))) {
            in.transferTo(OutputStream.nullOutputStream());
            return Digest.sha256(in.getMessageDigest().digest());
        } catch (IOException e) {
            throw GivenFiles.unreadable(entry, e);
        }
    }

    private Instant time(BuildLayer.Entry entry) {
        return steps.clamp(entry.time());
    }

    String history() {
        return history;
    }

    StepKey key() {
        var text = new StringBuilder();
        listing.forEach(
                (path, value) -> text.append(path).append('\0').append(value).append('\0'));
        return StepKey.of(StageFiles.scratch(), "layer")
                .with(
                        StepKey.FILES,
                        Hash.sha256(text.toString().getBytes(StandardCharsets.UTF_8))
                                .toString());
    }

    Map<String, String> listing() {
        return Collections.unmodifiableMap(listing);
    }

    void carryOut(Consumer<Path> upper) {
        workplace.change("cannot make a layer", List.of(), this::write, upper);
    }

    private void write(Fd root) {
        try (var files = FileOperations.in(root, "the layer", new byte[0])) {
            given.write(files, steps::clamp, (path, file) -> new Unchanged(path, GivenFiles.open(file)));
        }
    }

    /** What a file holds, which is what it held when the key was made. */
    private final class Unchanged extends DigestInputStream {
        private final String path;

        Unchanged(String path, InputStream content) {
            super(content, Hash.of("sha256"));
            this.path = path;
        }

        @Override
        public long transferTo(OutputStream to) throws IOException {
            var count = super.transferTo(to);
            if (!Digest.sha256(getMessageDigest().digest()).equals(contents.get(path))) {
                throw new BuildException(
                        "what " + Shown.text("/" + path) + " is to hold changed while it was copied", "build it again");
            }
            return count;
        }
    }
}
