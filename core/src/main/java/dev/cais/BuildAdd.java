package dev.cais;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Files, archives and addresses that are added to a {@link BuildStage}: {@code ADD}. The methods return changed copies.
 *
 * @param sources paths or patterns of the build's own context, or addresses
 * @param destination below the working directory if it is not absolute; a directory if it ends in a slash
 * @param owner {@code user[:group]} by name or number; empty for root
 * @param mode as {@code 755} or {@code u+rwX,go-w}; empty for the files' own
 * @param link whether the files are a layer that does not depend on those below it
 * @param excludes patterns of what is left out
 * @param checksum of what is fetched, as {@code sha256:…}; empty for any
 * @param keepGitDirectory whether the {@code .git} of a repository is kept
 * @param unpack whether archives are unpacked; if it is not said, those of the context are, and those that are fetched are not
 */
public record BuildAdd(
        List<String> sources,
        String destination,
        String owner,
        String mode,
        boolean link,
        List<String> excludes,
        String checksum,
        boolean keepGitDirectory,
        Optional<Boolean> unpack)
        implements BuildInstruction {
    public BuildAdd {
        sources = BuildInstruction.texts("ADD", sources);
        BuildInstruction.texts("ADD", List.of(destination));
        excludes = List.copyOf(excludes);
    }

    public static BuildAdd of(String source, String destination) {
        return of(List.of(source), destination);
    }

    public static BuildAdd of(List<String> sources, String destination) {
        return new BuildAdd(sources, destination, "", "", false, List.of(), "", false, Optional.empty());
    }

    public BuildAdd owner(String changed) {
        return new BuildAdd(sources, destination, changed, mode, link, excludes, checksum, keepGitDirectory, unpack);
    }

    public BuildAdd mode(String changed) {
        return new BuildAdd(sources, destination, owner, changed, link, excludes, checksum, keepGitDirectory, unpack);
    }

    public BuildAdd link(boolean changed) {
        return new BuildAdd(sources, destination, owner, mode, changed, excludes, checksum, keepGitDirectory, unpack);
    }

    public BuildAdd exclude(String... patterns) {
        var all = Stream.concat(excludes.stream(), Arrays.stream(patterns)).toList();
        return new BuildAdd(sources, destination, owner, mode, link, all, checksum, keepGitDirectory, unpack);
    }

    public BuildAdd checksum(String changed) {
        return new BuildAdd(sources, destination, owner, mode, link, excludes, changed, keepGitDirectory, unpack);
    }

    public BuildAdd keepGitDirectory(boolean changed) {
        return new BuildAdd(sources, destination, owner, mode, link, excludes, checksum, changed, unpack);
    }

    public BuildAdd unpack(boolean changed) {
        return new BuildAdd(
                sources, destination, owner, mode, link, excludes, checksum, keepGitDirectory, Optional.of(changed));
    }
}
