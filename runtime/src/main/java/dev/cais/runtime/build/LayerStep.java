package dev.cais.runtime.build;

import dev.cais.BuildException;
import dev.cais.BuildLayer;
import dev.cais.ConflictException;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction.Files;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Shown;
import dev.cais.linux.Fd;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A layer of files that a program gives: of no account is what is below it. */
final class LayerStep {
    private static final int MOST_FILES = 1_000_000;

    private final Workplace workplace;
    private final Steps steps;
    private final String history;

    /** By path without the first slash, directories before what is in them. */
    private final Map<String, BuildLayer.Entry> entries = new TreeMap<>();

    /** What each says that matters, files by what they hold. */
    private final Map<String, String> listing = new TreeMap<>();

    /** What files hold. */
    private final Map<String, Digest> contents = new TreeMap<>();

    LayerStep(Workplace workplace, Steps steps, Files files) {
        this.workplace = workplace;
        this.steps = steps;
        this.history = files.source().text();
        for (var entry : files.layer().entries()) {
            entries.put(path(entry.path()), entry);
        }
        new ArrayList<>(entries.keySet()).forEach(this::addParents);
        if (entries.size() > MOST_FILES) {
            throw new InvalidSpecException("the layer has more than " + MOST_FILES + " files");
        }
        entries.forEach(this::list);
    }

    private static String path(String written) {
        return new String(InRoot.path(written), StandardCharsets.UTF_8);
    }

    private void addParents(String path) {
        for (var slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
            var above = path.substring(0, slash);
            var known = entries.putIfAbsent(
                    above,
                    new BuildLayer.Entry(
                            "/" + above,
                            new BuildLayer.Directory(0755),
                            BuildLayer.EMPTY.owner(),
                            BuildLayer.EMPTY.time()));
            if (known != null && !(known.node() instanceof BuildLayer.Directory)) {
                throw new ConflictException(
                        Shown.text(known.path()) + " is no directory, and the layer has " + Shown.text("/" + path));
            }
        }
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
        try (var in = new DigestInputStream(file.content().open(), Hash.of("sha256"))) {
            in.transferTo(OutputStream.nullOutputStream());
            return Digest.sha256(in.getMessageDigest().digest());
        } catch (IOException e) {
            throw unreadable(entry, e);
        }
    }

    private static BuildException unreadable(BuildLayer.Entry entry, IOException cause) {
        return new BuildException(
                "what " + Shown.text(entry.path()) + " is to hold cannot be read: " + cause, Map.of(), "", cause);
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
            entries.forEach((path, entry) -> {
                var at = path.getBytes(StandardCharsets.UTF_8);
                if (entry.node() instanceof BuildLayer.File file) {
                    file(files, at, entry, file);
                } else if (entry.node() instanceof BuildLayer.Directory directory) {
                    files.directory(at, attributes(entry, directory.mode()));
                } else if (entry.node() instanceof BuildLayer.Link link) {
                    files.symlink(at, link.target().getBytes(StandardCharsets.UTF_8), attributes(entry, 0777));
                }
            });
        }
    }

    private Attributes attributes(BuildLayer.Entry entry, int mode) {
        var time = time(entry);
        return new Attributes(entry.owner().uid(), entry.owner().gid(), mode, time, time, List.of());
    }

    private void file(FileOperations files, byte[] path, BuildLayer.Entry entry, BuildLayer.File file) {
        try (var in = new DigestInputStream(file.content().open(), Hash.of("sha256"));
                var sink = files.file(path, attributes(entry, file.mode()))) {
            in.transferTo(sink);
            if (!Digest.sha256(in.getMessageDigest().digest()).equals(contents.get(path(entry.path())))) {
                throw new BuildException(
                        "what " + Shown.text(entry.path()) + " is to hold changed while it was copied",
                        "build it again");
            }
            sink.finish();
        } catch (IOException e) {
            throw unreadable(entry, e);
        }
    }
}
