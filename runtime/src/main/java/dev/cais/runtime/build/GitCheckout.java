package dev.cais.runtime.build;

import dev.cais.BuildContext.Git;
import dev.cais.BuildException;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The files of one commit of a repository, with those of its submodules. All have the commit's time, unless the address says otherwise. */
final class GitCheckout {
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
    private static final String DATA = ".git";
    private static final String SYMBOLIC = "ref: ";

    private final Git address;
    private final Path directory;
    private final GitProgram git;
    private final String cannot;
    private final GitSubmodules submodules;
    private Optional<Ref> ref = Optional.empty();
    private Optional<Instant> time = Optional.empty();

    /**
     * @param directory empty, for the files
     * @param isCallers whether the caller named the address, who may name repositories of this host, too
     * @param access to servers
     * @param requireFarEnough refuses servers that a repository may not name for its submodules
     */
    GitCheckout(Git address, Path directory, boolean isCallers, GitAccess access, Consumer<Git> requireFarEnough) {
        this.address = address;
        this.directory = directory;
        this.git = new GitProgram(
                directory,
                isCallers && address.repository().startsWith("file:"),
                () -> access.environment(address, isCallers));
        this.cannot = "cannot fetch " + address;
        this.submodules = new GitSubmodules(cannot, requireFarEnough);
    }

    /**
     * What a branch or a tag was at the server.
     *
     * @param name as in {@code refs/heads/main}
     * @param object the commit; of an annotated tag the tag
     */
    private record Ref(String name, String object) {}

    static boolean isCommit(String text) {
        return COMMIT.matcher(text).matches();
    }

    /**
     * The commit that the address stands for now: of several refs of a name the branch, else the tag.
     *
     * @throws NotFoundException if there is none
     * @throws BuildException if it is not the one of the address's checksum
     */
    String commit() {
        var isKnown = address.byCommit() || address.ref().isEmpty() && isCommit(address.checksum());
        var found = isKnown ? address.checksum() : find();
        if (!found.startsWith(address.checksum())) {
            throw new BuildException("cannot use " + address + ": it is another commit", Map.of("found", found), "");
        }
        return found;
    }

    private String find() {
        if (isCommit(address.ref())) {
            return address.ref();
        }
        var ref = address.ref().isEmpty() ? "HEAD" : address.ref();
        var known = new HashMap<String, String>();
        var branches = new HashMap<String, String>();
        var listed = git.run(
                cannot,
                "ls-remote",
                "--symref",
                "--",
                address.withoutCredentials(),
                ref,
                "refs/" + ref,
                "refs/heads/" + ref,
                "refs/tags/" + ref,
                "refs/tags/" + ref + "^{}",
                ref + "^{}");
        listed.lines().forEach(line -> {
            var tab = line.indexOf('\t');
            if (tab > 0 && isCommit(line.substring(0, tab))) {
                known.put(line.substring(tab + 1), line.substring(0, tab));
            } else if (tab > 0 && line.startsWith(SYMBOLIC)) {
                branches.put(line.substring(tab + 1), line.substring(SYMBOLIC.length(), tab));
            }
        });
        var name = Stream.of("refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref, ref)
                .filter(known::containsKey)
                .findFirst()
                .orElseThrow(() -> new NotFoundException(
                        cannot + ": it has no ref " + Shown.text(ref),
                        isBeginOfCommit(ref) ? "name a commit by its whole name" : ""));
        var object = Objects.requireNonNull(known.get(name));
        this.ref = Optional.of(branches.getOrDefault(name, name))
                .filter(full -> full.startsWith("refs/"))
                .map(full -> new Ref(full, object));
        return known.getOrDefault(name + "^{}", object); // what a tag stands for, and not the tag
    }

    private static boolean isBeginOfCommit(String text) {
        return text.matches("[0-9a-f]{4,63}");
    }

    /** The name at the server that the address stands for, as in {@code refs/heads/main}, once the commit is known; empty for a commit. */
    String ref() {
        return ref.map(Ref::name).orElse("");
    }

    /**
     * Brings the files of a commit.
     *
     * @param keepsData whether {@code .git} stays
     */
    void bring(String commit, boolean keepsData) {
        var format = commit.length() == 64 ? "sha256" : "sha1";
        git.run(cannot, "init", "--quiet", "--template=", "--object-format=" + format);
        git.run(cannot, "remote", "add", "--", "origin", address.withoutCredentials());
        fetch(commit, keepsData);
        git.run(cannot, "checkout", "--quiet", "--force", "--detach", commit);
        var brought = address.submodules() ? submodules.bring(git.withoutFiles()) : List.<GitProgram>of();
        if (keepsData) {
            ref.ifPresent(named -> git.run(cannot, "update-ref", named.name, named.object));
            Stream.concat(Stream.of(git), brought.stream()).forEach(this::forgetWhen);
        }
        var seconds = git.run(cannot, "show", "--no-patch", "--no-show-signature", "--format=%ct", commit + "^{commit}")
                .strip();
        var committed = Instant.ofEpochSecond(Long.parseLong(seconds));
        time = Optional.of(committed);
        try {
            finish(address.commitTime() ? Optional.of(FileTime.from(committed)) : Optional.empty(), keepsData);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A tag comes with its commit. */
    private void fetch(String commit, boolean keepsData) {
        var wanted = ref.filter(named -> keepsData).map(Ref::object).orElse(commit);
        try {
            git.run(cannot, "fetch", "--quiet", "--depth=1", "--no-tags", "--", "origin", wanted);
        } catch (BuildException e) { // an old server gives only what has a name, and one without smartness no part
            var names = new ArrayList<>(List.of("+refs/heads/*:refs/remotes/origin/*"));
            ref.map(Ref::name).ifPresent(names::add);
            git.run(
                    cannot,
                    Stream.concat(Stream.of("fetch", "--quiet", "--tags", "--", "origin"), names.stream())
                            .toArray(String[]::new));
        }
        if (git.run(cannot, "rev-list", "--max-count=1", "--ignore-missing", commit)
                .isBlank()) {
            throw new NotFoundException(cannot + ": it has no commit " + commit);
        }
    }

    /** The index has times and numbers of the files here, and what was fetched last is noted with its address. */
    private void forgetWhen(GitProgram program) {
        program.run(cannot, "read-tree", "HEAD");
        var data =
                Path.of(program.run(cannot, "rev-parse", "--absolute-git-dir").strip());
        try {
            Files.deleteIfExists(data.resolve("FETCH_HEAD"));
            Files.deleteIfExists(data.resolve("ORIG_HEAD"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** When the commit was made that was brought. */
    Instant time() {
        return time.orElseThrow();
    }

    /**
     * The directory of the address. Links on the way to it stay below the checkout.
     *
     * @throws NotFoundException if there is none
     */
    Path subdirectory() {
        var wanted = directory.resolve(address.subdirectory().replaceAll("^/+", ""));
        try {
            var found = wanted.toRealPath();
            if (found.startsWith(directory.toRealPath()) && Files.isDirectory(found)) {
                return found;
            }
        } catch (IOException e) {
            // said below
        }
        throw new NotFoundException(cannot + ": it has no directory " + Shown.text(address.subdirectory()));
    }

    private void finish(Optional<FileTime> time, boolean keepsData) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path entered, BasicFileAttributes attributes) throws IOException {
                var isData = entered.endsWith(DATA) && !keepsData;
                if (isData) {
                    remove(entered);
                }
                return isData ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                if (file.endsWith(DATA) && !keepsData) { // a submodule's
                    Files.delete(file);
                } else {
                    touch(file, time);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path left, @Nullable IOException failure) throws IOException {
                touch(left, time);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    private static void touch(Path file, Optional<FileTime> time) throws IOException {
        if (time.isPresent()) {
            Files.getFileAttributeView(file, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
                    .setTimes(time.get(), time.get(), null);
        }
    }

    private static void remove(Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path left, @Nullable IOException failure) throws IOException {
                Files.delete(left);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
