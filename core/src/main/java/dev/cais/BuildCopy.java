package dev.cais;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * Files that are copied into a {@link BuildStage}: {@code COPY}. The methods return changed copies.
 *
 * @param sources paths or patterns, below {@code from}
 * @param destination below the working directory if it is not absolute; a directory if it ends in a slash
 * @param owner {@code user[:group]} by name or number; empty for root, or for the files' own if they are of a stage or an image
 * @param mode as {@code 755} or {@code u+rwX,go-w}; empty for the files' own
 * @param link whether the files are a layer that does not depend on those below it
 * @param parents whether directories before each source are kept
 * @param excludes patterns of what is left out
 */
public record BuildCopy(
        BuildOrigin from,
        List<String> sources,
        String destination,
        String owner,
        String mode,
        boolean link,
        boolean parents,
        List<String> excludes)
        implements BuildInstruction {
    public BuildCopy {
        sources = BuildInstruction.texts("COPY", sources);
        BuildInstruction.texts("COPY", List.of(destination));
        excludes = List.copyOf(excludes);
    }

    /** From the build's own context. */
    public static BuildCopy of(String source, String destination) {
        return of(List.of(source), destination);
    }

    /** From the build's own context. */
    public static BuildCopy of(List<String> sources, String destination) {
        return new BuildCopy(BuildOrigin.CONTEXT, sources, destination, "", "", false, false, List.of());
    }

    public BuildCopy from(BuildOrigin changed) {
        return new BuildCopy(changed, sources, destination, owner, mode, link, parents, excludes);
    }

    public BuildCopy owner(String changed) {
        return new BuildCopy(from, sources, destination, changed, mode, link, parents, excludes);
    }

    public BuildCopy mode(String changed) {
        return new BuildCopy(from, sources, destination, owner, changed, link, parents, excludes);
    }

    public BuildCopy link(boolean changed) {
        return new BuildCopy(from, sources, destination, owner, mode, changed, parents, excludes);
    }

    public BuildCopy parents(boolean changed) {
        return new BuildCopy(from, sources, destination, owner, mode, link, changed, excludes);
    }

    public BuildCopy exclude(String... patterns) {
        var all = Stream.concat(excludes.stream(), Arrays.stream(patterns)).toList();
        return new BuildCopy(from, sources, destination, owner, mode, link, parents, all);
    }
}
