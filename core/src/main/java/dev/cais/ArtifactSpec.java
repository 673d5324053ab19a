package dev.cais;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Anything to keep in a registry beside images: files, a bill of materials, a signature. The methods return changed copies. The
 * same artifact has the same digest.
 *
 * @param type a media type of one's own, as in {@code application/vnd.example.report}
 * @param config empty for none
 * @param blobs in order; perhaps none
 * @param annotations of the manifest, by key, in order
 * @param subject digest of a manifest of the same repository that this says something about
 * @see <a href="https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md#guidelines-for-artifact-usage">OCI image
 *     spec 1.1.1, Guidelines for Artifact Usage</a>
 */
public record ArtifactSpec(
        String type,
        Optional<Blob> config,
        List<Blob> blobs,
        Map<String, String> annotations,
        Optional<Digest> subject) {
    private static final String TITLE = "org.opencontainers.image.title";
    private static final String NAME = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
    private static final Pattern MEDIA_TYPE = Pattern.compile(NAME + "/" + NAME);

    /**
     * Content of an artifact.
     *
     * @param mediaType as in {@code text/plain}
     * @param annotations by key, in order
     */
    public record Blob(Source source, String mediaType, Map<String, String> annotations) {
        public Blob {
            requireMediaType(mediaType);
            annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
        }
    }

    /** Where content comes from. */
    public sealed interface Source {}

    /** A file of the host; it must not change while it is pushed. */
    public record HostFile(Path path) implements Source {}

    /** Bytes; not copied. */
    public record Bytes(byte[] content) implements Source {}

    public ArtifactSpec {
        requireMediaType(type);
        blobs = List.copyOf(blobs);
        annotations = Collections.unmodifiableMap(new LinkedHashMap<>(annotations));
    }

    private static void requireMediaType(String text) {
        if (!MEDIA_TYPE.matcher(text).matches()) {
            throw new InvalidSpecException(
                    "cannot use media type " + text + ": it is not type/subtype", "write text/plain");
        }
    }

    /** With nothing in it. */
    public static ArtifactSpec of(String type) {
        return new ArtifactSpec(type, Optional.empty(), List.of(), Map.of(), Optional.empty());
    }

    /** Adds a file, titled by its name. */
    public ArtifactSpec file(Path file, String mediaType) {
        var name = file.getFileName();
        if (name == null) {
            throw new InvalidSpecException("cannot push " + file + ": it has no file name");
        }
        return blob(new Blob(new HostFile(file), mediaType, Map.of(TITLE, name.toString())));
    }

    /** Adds bytes with a title, which {@link ImageRepository#download} takes as the name of a file. */
    public ArtifactSpec bytes(String title, byte[] content, String mediaType) {
        return blob(new Blob(new Bytes(content), mediaType, Map.of(TITLE, title)));
    }

    public ArtifactSpec blob(Blob added) {
        var more = new ArrayList<>(blobs);
        more.add(added);
        return new ArtifactSpec(type, config, more, annotations, subject);
    }

    public ArtifactSpec config(byte[] content, String mediaType) {
        return new ArtifactSpec(
                type, Optional.of(new Blob(new Bytes(content), mediaType, Map.of())), blobs, annotations, subject);
    }

    public ArtifactSpec annotation(String key, String value) {
        return new ArtifactSpec(type, config, blobs, Added.to(annotations, key, value), subject);
    }

    public ArtifactSpec subject(Digest changed) {
        return new ArtifactSpec(type, config, blobs, annotations, Optional.of(changed));
    }
}
