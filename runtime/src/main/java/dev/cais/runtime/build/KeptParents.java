package dev.cais.runtime.build;

import dev.cais.image.dockerfile.Glob;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeScan;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;

/**
 * What {@code COPY --parents} keeps of the paths of its sources.
 *
 * @param sources as they were written
 * @see <a href="https://docs.docker.com/reference/dockerfile/#copy---parents">Dockerfile reference, COPY --parents</a>
 */
record KeptParents(List<String> sources) {
    /** The directories above a path that are kept, from the outermost in. */
    List<TreeScan.Entry> above(FileSource source, byte[] path) {
        var all = source.above(path);
        var part = of(path);
        var count = part.length == 0 ? 0 : FileSource.text(part).split("/").length - 1;
        return all.subList(Math.max(0, all.size() - count), all.size());
    }

    /** What is kept of a path: all, or what is behind {@code /./}. */
    byte[] of(byte[] path) {
        for (var each : sources) {
            var pivot = each.indexOf("/./");
            if (pivot >= 0) {
                var before = pivot == 0 ? new byte[0] : InRoot.path(each.substring(0, pivot));
                var dropped = before.length == 0 ? 0 : FileSource.text(before).split("/").length;
                var clean = each.replace("/./", "/");
                if (isOf(clean, path)) {
                    var parts = FileSource.text(path).split("/");
                    return String.join("/", Arrays.asList(parts).subList(Math.min(dropped, parts.length), parts.length))
                            .getBytes(StandardCharsets.UTF_8);
                }
            }
        }
        return path;
    }

    private static boolean isOf(String source, byte[] path) {
        var text = FileSource.text(path);
        var plain = FileSource.text(InRoot.path(source));
        return Glob.isPattern(plain)
                ? PathPatterns.of(List.of(plain))
                        .verdict(text, PathPatterns.Verdict.TOP)
                        .out()
                : plain.equals(text);
    }
}
