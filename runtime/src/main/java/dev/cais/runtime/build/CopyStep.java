package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.image.dockerfile.Instruction;
import dev.cais.image.dockerfile.Instruction.Add;
import dev.cais.image.dockerfile.Instruction.Copy;
import dev.cais.image.dockerfile.ModeChange;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.dockerfile.Transfer;
import dev.cais.image.oci.Hash;
import dev.cais.storage.Attributes;
import dev.cais.storage.BlobWriter;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeScan;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** One {@code COPY} or {@code ADD}, its variables replaced. For one thread. */
final class CopyStep {
    private final Workplace workplace;
    private final Steps steps;
    private final StageFiles below;
    private final Origins.Tree from;
    private final List<String> sources;
    private final List<Document> documents;
    private final String destination;
    private final Optional<BuildHost.Owner> owner;
    private final boolean ownerGiven;
    private final Optional<ModeChange> mode;
    private final boolean link;
    private final boolean parents;
    private final KeptParents kept;
    private final boolean unpacks;
    private final boolean unpacksRemotes;
    private final Map<String, Remote> remotes = new LinkedHashMap<>();
    private final List<String> excluded;
    private final PathPatterns excludes;
    private final String history;
    private @Nullable Map<String, List<FileSource.Chosen>> chosen;

    /** @param content of a here-document */
    private record Document(String name, byte[] content) {}

    static CopyStep of(Workplace workplace, Steps steps, StageFiles below, Origins.Tree from, Copy copy) {
        var step = new CopyStep(workplace, steps, below, from, copy, copy.files(), copy.parents(), Optional.of(false));
        for (var source : step.sources) {
            if (Remotes.isAddress(source)) {
                throw new InvalidSpecException("COPY fetches nothing, and " + source + " is an address", "write ADD");
            }
        }
        return step;
    }

    /** @param remotes finds what is to be fetched */
    static CopyStep of(
            Workplace workplace, Steps steps, StageFiles below, Origins.Tree context, Add add, Remotes remotes) {
        var step = new CopyStep(workplace, steps, below, context, add, add.files(), false, add.unpack());
        var checksum = add.checksum().map(below.state()::expand);
        for (var source : step.sources) {
            if (Remotes.isAddress(source)) {
                step.remotes.put(source, remotes.find(source, checksum, add.keepGitDirectory()));
            } else if (checksum.isPresent()) {
                throw new InvalidSpecException("--checksum is for what is fetched, and " + source + " is not");
            } else if (add.keepGitDirectory().isPresent()) {
                throw new InvalidSpecException("--keep-git-dir is for what git fetches, and " + source + " is not");
            }
        }
        if (checksum.isPresent() && step.sources.size() != 1) {
            throw new InvalidSpecException("--checksum is for one source, and there are " + step.sources.size());
        }
        return step;
    }

    private CopyStep(
            Workplace workplace,
            Steps steps,
            StageFiles below,
            Origins.Tree from,
            Instruction instruction,
            Transfer files,
            boolean parents,
            Optional<Boolean> unpack) {
        this.workplace = workplace;
        this.steps = steps;
        this.below = below;
        this.from = from;
        this.parents = parents;
        this.unpacks = unpack.orElse(true);
        this.unpacksRemotes = unpack.orElse(false);
        var state = below.state();
        this.sources = files.sources().stream().map(state::expand).toList();
        this.documents = files.documents().stream()
                .map(each ->
                        new Document(each.name(), each.text(state::variable).getBytes(StandardCharsets.UTF_8)))
                .toList();
        this.kept = new KeptParents(sources);
        var written = state.expand(files.destination());
        var workdir = state.config().workdir();
        this.destination = written.startsWith("/") ? written : (workdir.isEmpty() ? "" : workdir) + "/" + written;
        var ownerText = files.owner().map(state::expand);
        this.owner = ownerText
                .map(text -> workplace.owner(below, text))
                .or(() -> from.hasOwners() ? Optional.empty() : Optional.of(BuildHost.Owner.ROOT));
        this.ownerGiven = ownerText.isPresent();
        var modeText = files.mode().map(state::expand).filter(text -> !text.isEmpty()); // as BuildKit
        this.mode = modeText.map(ModeChange::parse);
        this.link = files.link();
        this.excluded = files.excludes();
        this.excludes = PathPatterns.of(excluded);
        if (sources.size() + documents.size() > 1 && !isDirectory()) {
            throw new InvalidSpecException(
                    "several files need a directory to go to, and " + written + " does not end with a slash");
        }
        this.history = history(instruction, ownerText, modeText, written);
    }

    private String history(
            Instruction instruction, Optional<String> ownerText, Optional<String> modeText, String written) {
        var text = new StringBuilder(instruction.keyword());
        if (parents) {
            text.append(" --parents");
        }
        ownerText.ifPresent(owned -> text.append(" --chown=").append(owned));
        modeText.ifPresent(bits -> text.append(" --chmod=").append(bits));
        sources.forEach(source -> text.append(' ').append(source));
        documents.forEach(document -> text.append(" <<").append(document.name()));
        return text.append(' ').append(written).append(" # buildkit").toString();
    }

    String history() {
        return history;
    }

    private boolean isDirectory() {
        return destination.endsWith("/") || destination.endsWith("/.");
    }

    /** Without owners' names, and without what the copy goes on if it does not depend on it. */
    StepKey key() {
        var key = StepKey.of(link ? StageFiles.scratch() : below, instruction());
        for (var remote : remotes.entrySet()) {
            key = key.with(
                    "what is at " + remote.getKey(),
                    remote.getValue().path() + " " + remote.getValue().digest());
        }
        return key.with(
                StepKey.FILES,
                from.digest(what(), source -> source.whileThere(() -> digest(source)))
                        .toString());
    }

    private String instruction() {
        return StepKey.text(
                "copy",
                destination,
                owner.map(Object::toString).orElse(""),
                mode.map(ModeChange::toString).orElse(""),
                parents,
                unpacks,
                unpacksRemotes,
                link,
                steps.epoch().map(Object::toString).orElse(""),
                documents.stream()
                        .map(document -> List.of(document.name(), Hash.sha256(document.content())))
                        .toList());
    }

    /** Which files are looked for, and in which way. */
    private String what() {
        return StepKey.text("copy", local(), excluded, parents);
    }

    private Digest digest(FileSource source) {
        var all = Hash.of("sha256");
        for (var chosen : together(choose(source))) {
            for (var directory : keptAbove(source, chosen)) {
                var owned = from.hasOwners() ? directory.uid() + ":" + directory.gid() : "";
                var attributes = TreeScan.shown(source.xattrs(directory));
                all.update(bytes(Integer.toOctalString(directory.mode()) + " " + owned + attributes + "\0"));
            }
            all.update(chosen.path());
            all.update(bytes("\0" + source.digest(chosen) + "\0"));
        }
        return Digest.sha256(all.digest());
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** By what was written. Looked for once: what is copied is what the key speaks of. */
    private Map<String, List<FileSource.Chosen>> choose(FileSource source) {
        if (chosen == null) {
            var all = new LinkedHashMap<String, List<FileSource.Chosen>>();
            local().forEach(each ->
                    all.put(each, source.choose(parents ? each.replace("/./", "/") : each, excludes, parents)));
            chosen = Collections.unmodifiableMap(all);
        }
        return chosen;
    }

    private static List<FileSource.Chosen> together(Map<String, List<FileSource.Chosen>> all) {
        return all.values().stream().flatMap(List::stream).toList();
    }

    private List<String> local() {
        return sources.stream().filter(each -> !remotes.containsKey(each)).toList();
    }

    /** What is copied of a context, for telling what has changed. */
    Map<String, String> listing() {
        return from.hasOwners()
                ? Map.of()
                : from.look(source -> source.whileThere(() -> source.listing(together(choose(source)))));
    }

    void carryOut(Steps.Taker upper) {
        var layers = link ? List.<Digest>of() : below.diffIds();
        var stamp = new Stamp(owner, mode, from.hasOwners() ? steps::clamp : steps::ofContext, steps.now());
        remotes.values().forEach(Remote::tree); // before anything is mounted
        from.look((Function<FileSource, Optional<Void>>) source -> source.whileThere(() -> {
            var all = choose(source);
            workplace.write("cannot copy files", layers, stamp, target -> copy(target, source, all), new Steps.Taker() {
                @Override
                public void accept(Path written) {
                    if (!from.hasOwners() && !source.isUnchanged(together(all), excludes)) {
                        throw source.changed();
                    }
                    upper.accept(written);
                }

                @Override
                public Digest accept(Path written, BlobWriter tar) {
                    return upper.accept(written, tar);
                }

                @Override
                public Optional<Digest> earlier() {
                    return upper.earlier();
                }
            });
            return Optional.empty();
        }));
    }

    private void copy(CopyTarget files, FileSource source, Map<String, List<FileSource.Chosen>> all) {
        var target = InRoot.path(destination);
        if (isDirectory() && !isNothing(all)) {
            files.directories(target);
        }
        for (var each : sources) {
            Optional.ofNullable(remotes.get(each)).ifPresent(remote -> copy(files, remote, target));
            for (var local : all.getOrDefault(each, List.of())) {
                copy(files, source, local, target, unpacks);
            }
        }
        lastTime(all).ifPresent(time -> files.modified(files.followLast(target), time));
        for (var document : documents) {
            var path = isDirectory() || files.isDirectory(target)
                    ? InRoot.join(target, InRoot.last(InRoot.path(document.name())))
                    : files.followLast(target);
            files.file(path, document.content(), 0644);
        }
    }

    /** Whether patterns found nothing, and there is nothing else. */
    private boolean isNothing(Map<String, List<FileSource.Chosen>> all) {
        return documents.isEmpty() && remotes.isEmpty() && all.values().stream().allMatch(List::isEmpty);
    }

    /** A directory that is copied last gives its time to the destination; a context itself has none that anybody knows. */
    private Optional<Instant> lastTime(Map<String, List<FileSource.Chosen>> all) {
        if (parents || !documents.isEmpty()) {
            return Optional.empty();
        }
        return all.getOrDefault(sources.get(sources.size() - 1), List.of()).stream()
                .reduce((first, second) -> second)
                .filter(last -> last.directory() && last.start().length > 0)
                .map(last -> last.entries().get(0).modified());
    }

    private void copy(CopyTarget files, Remote remote, byte[] target) {
        files.requireNow();
        remote.tree().look(fetched -> {
            fetched.choose(FileSource.literally(remote.path()), excludes)
                    .forEach(each -> copy(files, fetched, each, target, unpacksRemotes));
            return Optional.<Void>empty();
        });
    }

    /** What an archive says of a file; that is part of its content, so times are as they are if they are not too late. */
    private Attributes unpacked(Attributes own) {
        var as = owner.filter(given -> ownerGiven);
        return new Attributes(
                as.map(BuildHost.Owner::uid).orElse(own.uid()),
                as.map(BuildHost.Owner::gid).orElse(own.gid()),
                own.mode(),
                steps.clamp(own.modified()),
                steps.clamp(own.accessed()),
                own.xattrs());
    }

    private void copy(CopyTarget files, FileSource source, FileSource.Chosen chosen, byte[] target, boolean unpacked) {
        if (parents) {
            var path = kept.of(chosen.path());
            files.directories(target, path, source, keptAbove(source, chosen));
            files.copy(source, chosen, path.length == 0 ? target : InRoot.join(target, path));
        } else if (chosen.directory()) {
            files.requireNoFile(target);
            var to = files.followLast(target);
            files.directories(to); // with the usual mode, whatever the source's is
            files.copy(source, chosen, to);
        } else if (unpacked
                && !chosen.entries().isEmpty()
                && Archives.isArchive(source, chosen.entries().get(0))) {
            files.unpack(
                    source,
                    chosen.entries().get(0),
                    target,
                    this::unpacked,
                    workplace.host().limits());
        } else {
            var into = isDirectory() || files.isDirectory(target);
            files.copy(
                    source, chosen, into ? InRoot.join(target, InRoot.last(chosen.path())) : files.followLast(target));
        }
    }

    /** The directories that {@code --parents} keeps above what is copied, from the outermost in. */
    private List<TreeScan.Entry> keptAbove(FileSource source, FileSource.Chosen chosen) {
        return parents ? kept.above(source, chosen.path()) : List.of();
    }
}
