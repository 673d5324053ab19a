package dev.cais;

import java.nio.file.Path;
import java.security.PrivateKey;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The images of a store. Names are as Docker's: {@code busybox}, {@code ghcr.io/a/b:1}, {@code busybox@sha256:4f5a1c…}, an id,
 * or the beginning of one (four digits or more) that no other image has.
 *
 * <p>{@code cais/host} is a name that always works: whoever asks for it gets an image of a shell and small programs of this
 * host, made when it is not there.
 */
public interface Images {
    /** Pulls with {@link PullOptions#defaults()}. */
    default Image pull(String name) {
        return pull(name, PullOptions.defaults());
    }

    /** Pulls without telling how far it is. */
    default Image pull(String name, PullOptions options) {
        return pull(name, options, event -> {});
    }

    /**
     * Fetches an image from its registry, and gives it the name. Of what the store has nothing is fetched; a tag that is
     * unchanged costs one request. Layers are checked and unpacked while they come. What another thread or JVM is fetching
     * is waited for; what came of a layer before a failure is kept, and the next pull goes on from there.
     *
     * @param name as in {@code busybox}, {@code ghcr.io/a/b:1} or {@code a/b@sha256:4f5a1c…}; with a digest the tag
     *     does not count
     * @param progress is called by one thread at a time, perhaps still after the pull has returned. One that is slow misses steps
     *     in between, never the last of a layer; one that throws is not called again
     * @return the image for the platform that was asked for
     * @throws NotFoundException if the registry has no such image, or the policy is not to ask and the store has none
     * @throws RegistryException if no registry or mirror could be reached, or all of them refused
     * @throws UntrustedException if it is not signed as {@link RegistryOptions#trust(String, TrustRule)} or the policy file wants, or is
     *     from where nothing is accepted
     * @throws CorruptContentException if content is not what was promised, hostile or of an unknown kind, or the index has no
     *     image for the platform; then nothing of it is in the store
     * @throws TimedOutException if it takes longer than {@link RegistryOptions#timeout()}
     * @throws CancelledException if the thread is interrupted; what came of layers is kept for the next pull
     */
    Image pull(String name, PullOptions options, Consumer<ProgressEvent> progress);

    /** Pushes with {@link PushOptions#defaults()}. */
    default Digest push(String name) {
        return push(name, PushOptions.defaults());
    }

    /** Pushes without telling how far it is. */
    default Digest push(String name, PushOptions options) {
        return push(name, options, event -> {});
    }

    /**
     * Sends an image to the registry of its name. Only blobs that are missing there travel, and those that another
     * repository of the registry has are mounted from it. The manifest goes as it came, so its digest stays; of a name that was
     * pulled for all platforms the index goes, with all its images. Layers that came without a manifest and uncompressed are
     * compressed; the same layer gives the same bytes.
     *
     * @param name of an image of the store, with a tag
     * @param progress as in {@link #pull(String, PullOptions, Consumer)}
     * @return the digest by which the registry now knows it
     * @throws NotFoundException if the store has no image of that name
     * @throws RegistryException if the registry could not be reached, or refused
     * @throws TimedOutException if it takes longer than {@link RegistryOptions#timeout()}
     * @throws CancelledException if the thread is interrupted
     */
    Digest push(String name, PushOptions options, Consumer<ProgressEvent> progress);

    /** Signs with {@link SignOptions#defaults()}. */
    default ImageSignature sign(String name, PrivateKey key) {
        return sign(name, key, SignOptions.defaults());
    }

    /**
     * Signs an image of a registry, and puts the signature beside it, where cosign looks for it: under the tag {@code sha256-….sig} of its
     * repository, or as a referrer. Signatures that are there stay. Of two that sign the same image by tag at the same moment, one may be lost.
     *
     * @param name in its registry; best with the digest that {@link #push(String)} returned, since somebody may move a tag. The store
     *     need not have the image
     * @param key for ECDSA on the curve P-256
     * @throws NotFoundException if the registry has no such image
     * @throws RegistryException if the registry could not be reached, or refused
     * @throws InvalidSpecException if the key is of another kind
     */
    ImageSignature sign(String name, PrivateKey key, SignOptions options);

    /**
     * The signatures of an image that its registry has, by whomever; those for another digest are left out.
     *
     * @param name as in {@link #pull(String)}. With a tag, of what the tag stands for there now
     * @return in the registry's order
     * @throws NotFoundException if the registry has no such image
     * @throws RegistryException if the registry could not be reached, or refused
     */
    List<ImageSignature> signatures(String name);

    /**
     * What is said of an image beside it: bills of materials, and how it was made. Whether it is true, its builder knows: nothing is
     * signed. An image that was pulled has them if it was pulled for all platforms.
     *
     * @param name an index's, in the store
     * @return in the index's order; of several platforms, those of each
     * @throws NotFoundException if there is no such image
     * @throws CorruptContentException if one is broken
     * @see BuildSpec#withSbom
     * @see BuildSpec#provenance
     */
    List<Attestation> attestations(String name);

    /** Copies with {@link CopyOptions#defaults()}. */
    default Digest copy(String from, String to) {
        return copy(from, to, CopyOptions.defaults(), event -> {});
    }

    /**
     * Copies an image, or whatever else the name stands for, from one registry to another or within one, past the store and without
     * unpacking. Manifests go byte for byte, so digests stay. Only what is missing travels; between repositories of one registry
     * blobs are mounted. If it fails, blobs that have come stay there, and the tag is as it was.
     *
     * @param from a tag or a digest; mirrors are asked first
     * @param to with a tag, or with the digest that is to be copied
     * @param progress as in {@link #pull(String, PullOptions, Consumer)}
     * @return the digest by which both sides know it
     * @throws NotFoundException if the registry has no such image
     * @throws RegistryException if a registry could not be reached, or refused
     * @throws UntrustedException as when pulling {@code from}; then nothing was sent. The policy for {@code to} is not asked
     * @throws CorruptContentException if content is not what was promised, hostile, or not for the platform
     * @throws TimedOutException if it takes longer than {@link RegistryOptions#timeout()}
     * @throws CancelledException if the thread is interrupted
     */
    Digest copy(String from, String to, CopyOptions options, Consumer<ProgressEvent> progress);

    /**
     * A registry as a whole: what it has, and searching it.
     *
     * @param host as in {@code docker.io} or {@code localhost:5000}
     * @throws InvalidSpecException if it is no host[:port]
     */
    ImageRegistry registry(String host);

    /**
     * A repository of a registry: its tags and manifests, artifacts, indexes, referrers.
     *
     * @param name as in {@code busybox} or {@code localhost:5000/app}
     * @throws InvalidSpecException if it is no name, or has a tag or a digest
     */
    ImageRepository repository(String name);

    /**
     * Builds an image of a directory with a {@code Dockerfile}.
     *
     * @see #build(BuildSpec, Consumer)
     */
    default Image build(Path context) {
        return build(BuildSpec.of(context));
    }

    /** The same without a listener. */
    default Image build(BuildSpec spec) {
        return build(spec, event -> {});
    }

    /**
     * Builds an image as its Dockerfile or its {@link BuildStage} says. Steps whose outcome the store knows are not carried out again; stages that the wanted one
     * does not need are left out; the others are built at the same time as far as they can.
     *
     * <p>Whatever its outputs are, the store has the image then; without tags it goes with the next {@link #prune}. Tags move, all at once,
     * when all outputs are written and pushed. Of several platforms the store gets an index, which the tags stand for.
     *
     * <p>Caches that the spec writes are written last: if one of them cannot be, the build fails, and image, tags and outputs are there.
     *
     * @param progress hears of what happens, by several threads, but of one event at a time; what it throws ends the build, and is thrown
     * @return the image, with the tags of the spec; of several platforms this host's, or else the first one's
     * @throws NotFoundException if there is no context, or no Dockerfile in it
     * @throws CorruptContentException if an archive that is the context is broken or hostile
     * @throws BuildException if the Dockerfile is wrong, or a step cannot be carried out: it shows the lines, or the
     *     calls, to blame
     * @throws InvalidSpecException if a tag is no name, or an output does not fit the rest
     * @throws ConflictException if something stands where an output is to go
     * @throws RegistryException if a registry that the image is to be pushed to could not be reached, or refused
     * @throws StorageException if an output cannot be written
     * @throws CancelledException if the thread is interrupted; nothing is left of the steps that had not ended
     * @see <a href="https://docs.docker.com/reference/dockerfile/">Dockerfile reference</a>
     */
    Image build(BuildSpec spec, Consumer<BuildEvent> progress);

    /**
     * What of a Dockerfile works and is better written in another way, without building it: {@code docker build --check}. The images that
     * stages begin with are looked at, not fetched; a directive {@code check=error=true} changes nothing.
     *
     * @return by line; of all stages what is seen at once, of those that the target needs also what depends on their variables
     * @throws NotFoundException if there is no context, no Dockerfile in it, or no image that a stage begins with
     * @throws BuildException if the Dockerfile is wrong: it shows the lines to blame
     * @see <a href="https://docs.docker.com/reference/build-checks/">Build checks</a>
     */
    List<BuildEvent.Warned> check(BuildSpec spec);

    /** What builds have kept for later ones, the longest unused last. Sizes of directories are counted file by file. */
    List<BuildCacheEntry> buildCache();

    /**
     * Removes what builds have kept for later ones: layers of steps, directories of {@code RUN --mount=type=cache}, and what is remembered
     * of files, if it was unused for a day, too. What images or containers need stays, and so does what a build uses at the moment, in any JVM.
     *
     * @return bytes that nothing needs any more
     */
    ByteSize pruneBuildCache(BuildPruneOptions options);

    /**
     * Loads every image of an archive: what {@code docker save}, {@code podman save}, {@code skopeo copy}, buildah or Jib
     * wrote (docker-archive, OCI layout as a tar or a directory; the file may be gzip or zstd compressed). Tags move to the
     * loaded images. Of an image for several platforms, the host's is returned; if it has a name and the archive has all of its index, other
     * platforms' images and attestations are loaded with it, so that a push gives the same index.
     *
     * @return in the archive's order
     * @throws CorruptContentException if anything in it is broken, hostile or of an unknown kind; then nothing is loaded
     */
    List<Image> load(Path archive);

    /**
     * Saves images where other tools read them; the same images and names give the same bytes.
     *
     * <p>A target that is a directory, or does not exist and has no ending of a tar, becomes an OCI layout; if it is one
     * already, the images are added to it. One that ends in {@code .oci.tar} becomes a tar of an OCI layout, any other a
     * docker-archive, which {@code docker load} reads; {@code .tgz} and {@code .tar.gz} are compressed. A file is replaced. An
     * OCI layout has the manifests and layers as they came, and of a name with an index all of that if the store has it:
     * other platforms, attestations. A docker-archive has plain layers and no manifest. What is saved under an id gets no
     * name there.
     *
     * @throws NotFoundException if there is no such image; then nothing is written
     * @throws ConflictException if the target is a directory with something else in it
     * @throws StorageException if it cannot be written; then nothing is left of it
     */
    void save(Path target, String... names);

    /** {@link #importRootfs(Path, String, Platform, CommitOptions)} for this host, as it is. */
    default Image importRootfs(Path tar, String name) {
        return importRootfs(tar, name, Platform.host(), CommitOptions.DEFAULT);
    }

    /**
     * Makes an image of one layer from a root file system's tar (plain, gzip, zstd), as {@code docker import} does; {@link
     * Container#export} writes such a tar. The same tar and changes give the same image.
     *
     * @param name for the image, as in {@code imported:latest}
     * @param platform that its programs are for
     * @param changes what the image says: command, environment and the rest
     * @throws NotFoundException if there is no such file
     * @throws CorruptContentException if it is no tar, or packed in an unknown way, or goes beyond the limits
     */
    Image importRootfs(Path tar, String name, Platform platform, CommitOptions changes);

    /** All images of the store, newest first, then by id. */
    List<Image> list();

    /** @throws NotFoundException with names like it */
    Image get(String name);

    Optional<Image> find(String name);

    /** Gives an image another name, taking it from the image that had it. */
    Image tag(String name, String newName);

    /**
     * Takes a name away; the image stays, even without any.
     *
     * @throws NotFoundException if nothing has the name
     */
    void untag(String name);

    /**
     * Removes a name, and with the last one the image and what no other image or container needs. An id removes the image
     * with all its names.
     *
     * @throws ConflictException if a container uses the image
     */
    void remove(String name);

    /** What each image takes of the disk, in the order of {@link #list}. */
    List<ImageUse> diskUse();

    /** Removes images that no container of any live engine uses, and frees what only they needed. */
    Pruned prune(PruneOptions options);

    /**
     * Reads all images and compares them with their digests: documents and blobs byte by byte, layers' files by unpacking them
     * again beside the store's. Takes as long as loading all images, and for a moment the disk space of the largest layer.
     *
     * @return what is damaged; empty if all is whole
     */
    List<Damage> verify();

    /**
     * The same, and repairs what it finds: files from their blob, blobs and documents from the registry that the image was pulled
     * from. What cannot be repaired is taken away, so that loading or pulling the image again brings it; {@link
     * Damage#problem()} then says why it did not come. No files that a container uses are touched.
     *
     * @throws CancelledException if the thread is interrupted; what was repaired stays so
     */
    List<Damage> repair();
}
