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
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The files of one commit of a repository, with those of its submodules. All have the commit's time, unless the address says otherwise. */
final class GitCheckout {
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}|[0-9a-f]{64}");
    private static final String DATA = ".git";

    private final Git address;
    private final Path directory;
    private final GitProgram git;
    private final String cannot;
    private Optional<Instant> time = Optional.empty();

    /**
     * @param directory empty, for the files
     * @param isCallers whether the caller named the address, who may name repositories of this host, too
     * @param access to servers
     */
    GitCheckout(Git address, Path directory, boolean isCallers, GitAccess access) {
        this.address = address;
        this.directory = directory;
        this.git = new GitProgram(
                directory,
                isCallers && address.repository().startsWith("file:"),
                () -> access.environment(address, isCallers));
        this.cannot = "cannot fetch " + address;
    }

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
        var listed = git.run(
                cannot,
                "ls-remote",
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
            }
        });
        return Stream.of("refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref, ref)
                .flatMap(name -> Stream.of(name + "^{}", name)) // what a tag stands for, and not the tag
                .filter(known::containsKey)
                .findFirst()
                .map(known::get)
                .orElseThrow(() -> new NotFoundException(cannot + ": it has no ref " + Shown.text(ref)));
    }

    /**
     * Brings the files of a commit.
     *
     * @param keepsData whether {@code .git} stays
     */
    void bring(String commit, boolean keepsData) {
        git.run(cannot, "init", "--quiet", "--template=");
        git.run(cannot, "remote", "add", "--", "origin", address.withoutCredentials());
        try {
            git.run(cannot, "fetch", "--quiet", "--depth=1", "--no-tags", "--", "origin", commit);
        } catch (BuildException e) { // an old server gives only what has a name
            git.run(cannot, "fetch", "--quiet", "--tags", "--", "origin", "+refs/heads/*:refs/remotes/origin/*");
        }
        git.run(cannot, "checkout", "--quiet", "--force", "--detach", commit);
        if (address.submodules()) {
            git.run(cannot, "submodule", "--quiet", "update", "--init", "--recursive", "--depth=1");
        }
        var seconds = git.run(cannot, "show", "--no-patch", "--no-show-signature", "--format=%ct", commit)
                .strip();
        var committed = Instant.ofEpochSecond(Long.parseLong(seconds));
        time = Optional.of(committed);
        try {
            finish(address.commitTime() ? Optional.of(FileTime.from(committed)) : Optional.empty(), keepsData);
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
