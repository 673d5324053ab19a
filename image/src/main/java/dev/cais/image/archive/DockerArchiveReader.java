package dev.cais.image.archive;

import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.ImageLimits;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.ConfigDocument;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Reads docker-archives: {@code manifest.json} names, for each image, a configuration and layers, which may be links to
 * each other, and compressed.
 *
 * @see <a href="https://github.com/moby/docker-image-spec/blob/v1.3.1/spec.md#combined-image-json--filesystem-changeset-format">
 *     Docker image specification 1.3, Combined Image JSON + Filesystem Changeset Format</a>
 */
final class DockerArchiveReader {
    /** What Docker, podman and skopeo call a configuration: by its digest. */
    private static final Pattern NAMED_BY_DIGEST = Pattern.compile("(?:blobs/sha256/)?([0-9a-f]{64})(?:\\.json)?");

    private final ArchiveFiles files;
    private final ImageLimits limits;

    DockerArchiveReader(ArchiveFiles files, ImageLimits limits) {
        this.files = files;
        this.limits = limits;
    }

    List<ArchivedImage> images() {
        var manifest = files.require("manifest.json", "the list of images")
                .bytes(limits.manifestSize().bytes());
        var images = JsonObject.parseArray(manifest, files.what("manifest.json"));
        if (images.isEmpty()) {
            throw new CorruptContentException("cannot load " + files.name() + ": its manifest.json lists no image");
        }
        return images.stream().map(this::image).toList();
    }

    private ArchivedImage image(JsonObject json) {
        var configPath = json.text("Config");
        var configBytes = files.require(configPath, "the configuration")
                .bytes(limits.manifestSize().bytes());
        var content = ArchivedImage.Content.of(configBytes);
        var id = content.digest();
        var named = NAMED_BY_DIGEST.matcher(configPath);
        if (named.matches()) {
            Hash.requireSame(new Digest("sha256", named.group(1)), id, "configuration " + files.what(configPath));
        }
        var config = ConfigDocument.parse(configBytes, "configuration " + id + " of " + files.name(), limits);
        var paths = json.texts("Layers");
        if (paths.size() != config.diffIds().size()) {
            throw json.wrong(
                    "Layers",
                    "has " + paths.size() + " elements, but configuration " + id + " has "
                            + config.diffIds().size());
        }
        var layers = new ArrayList<ArchivedImage.Layer>();
        for (var i = 0; i < paths.size(); i++) {
            layers.add(new ArchivedImage.Layer(
                    config.diffIds().get(i), Optional.empty(), files.require(paths.get(i), "layer " + (i + 1))));
        }
        return new ArchivedImage(Optional.empty(), content, config, layers, names(json));
    }

    private static List<ImageReference> names(JsonObject json) {
        var names = new ArrayList<ImageReference>();
        for (var text : json.texts("RepoTags")) {
            try {
                var name = ImageReference.parse(text);
                if (name.digest().isEmpty() && !names.contains(name)) {
                    names.add(name);
                }
            } catch (InvalidSpecException e) {
                throw json.wrong("RepoTags", "has an element that is no name; " + e.getMessage());
            }
        }
        return names;
    }
}
