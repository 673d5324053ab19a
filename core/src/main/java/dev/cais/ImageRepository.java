package dev.cais;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A repository of a registry: what is in it besides the images that {@link Images} pulls and pushes, and how to change that. Each
 * method asks the registry itself, never a mirror; nothing is asked before. A <i>reference</i> is a tag, or a digest as in
 * {@code sha256:4f5a1c…}.
 *
 * <p>All methods throw {@link RegistryException} if the registry cannot be reached, refuses or answers something that it must
 * not, {@link CorruptContentException} if content is not what was promised, {@link TimedOutException} after {@link
 * RegistryOptions#timeout()}, and {@link CancelledException} if the thread is interrupted.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md">OCI distribution spec 1.1.1</a>
 */
public interface ImageRepository {
    /** As in {@code busybox} or {@code localhost:5000/app}. */
    String name();

    /** The same repository, as somebody else than the engine's options or configuration files say. */
    ImageRepository credentials(Credentials changed);

    /**
     * Its tags, in the registry's order. It is asked for a page at a time, while the stream is read; of one that gives more than
     * a million, reading fails there.
     *
     * @throws NotFoundException if there is no such repository
     */
    Stream<String> tags();

    /**
     * The manifest of whatever there is: an image, an index, an artifact.
     *
     * @throws NotFoundException if there is no such manifest
     */
    RemoteManifest manifest(String reference);

    /**
     * A blob that a manifest refers to, in memory.
     *
     * @throws CorruptContentException also if it is larger than {@link ImageLimits#manifestSize()}
     */
    byte[] read(Descriptor blob);

    /**
     * Fetches the blobs of an artifact, several at a time. Each becomes a file with the name that its annotation {@code
     * org.opencontainers.image.title} gives it, directories included, or else named {@code sha256-4f5a1c…}. A file that is there
     * is replaced.
     *
     * @param directory is made if it is not there
     * @return the files, in the manifest's order
     * @throws CorruptContentException if a title leads out of the directory or two are the same; then nothing is fetched
     * @throws StorageException if a file cannot be written; of this and of any other failure no file remains that was not
     *     complete
     */
    List<Path> download(String reference, Path directory);

    /**
     * Pushes an artifact without a tag: it is found by its digest and, with a subject, among the subject's referrers.
     *
     * @return its digest
     * @throws NotFoundException if the repository does not have its subject, or there is no such file
     */
    Digest push(ArtifactSpec artifact);

    /** Pushes an artifact, and gives it a tag. */
    Digest push(String tag, ArtifactSpec artifact);

    /** Pushes an index without telling how far it is. */
    default Digest push(String tag, IndexSpec index) {
        return push(tag, index, event -> {});
    }

    /**
     * Makes one name of images for several platforms, as {@code docker manifest create} and {@code push} do: sends what the
     * repository does not have of them, then the index. See {@link IndexSpec} for where the images are looked for.
     *
     * @param progress as in {@link Images#pull(String, PullOptions, Consumer)}
     * @return the digest of the index
     * @throws NotFoundException if there is no image of some name
     * @throws UntrustedException as when pulling what is in a registry only
     */
    Digest push(String tag, IndexSpec index, Consumer<ProgressEvent> progress);

    /**
     * What refers to a manifest as its subject: signatures, bills of materials and other artifacts. Registries that do not keep
     * such a list are asked for the tag that stands in for it, {@code sha256-4f5a1c…}.
     *
     * @return in the registry's order; empty if nothing does, or there is no such subject
     * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers">OCI distribution
     *     spec 1.1.1, Listing Referrers</a>
     */
    List<Descriptor> referrers(Digest subject);

    /** Those of one {@link Descriptor#artifactType}. */
    default List<Descriptor> referrers(Digest subject, String artifactType) {
        return referrers(subject).stream()
                .filter(referrer -> referrer.artifactType().equals(artifactType))
                .toList();
    }

    /**
     * Deletes a tag, and nothing else; or, by its digest, a manifest with all its tags. Blobs stay until the registry collects
     * its garbage. Where a registry cannot delete a tag by itself, it is moved to an empty artifact first, which is then
     * deleted. An artifact that is deleted is no longer among its subject's referrers.
     *
     * @throws NotFoundException if there is no such tag or manifest
     * @throws RegistryException also if the registry does not let anybody delete
     */
    void delete(String reference);
}
