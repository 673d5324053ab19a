package dev.cais.image.registry;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import dev.cais.image.oci.Shown;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A repository of a registry, in the distribution protocol: its manifests, tags and referrers. Blobs come by {@link Downloads} and go by
 * {@link Uploads}.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md">OCI distribution spec 1.1.1</a>
 */
public final class Repository {
    private static final String ACCEPTED = Arrays.stream(MediaType.values())
                    .filter(type -> type.kind() == MediaType.Kind.MANIFEST || type.kind() == MediaType.Kind.INDEX)
                    .map(MediaType::toString)
                    .collect(Collectors.joining(", "))
            + ", application/vnd.docker.distribution.manifest.v1+prettyjws";

    private static final int PAGE = 1000;
    private static final int MOST_REFERRERS = 10_000;
    private static final int LARGEST_REFERRERS = 4 << 20;

    /** Registries that know nothing of it refuse the path, or the method, in several ways. */
    private static final Pages.Kind REFERRERS =
            new Pages.Kind("list of referrers", MediaType.OCI_INDEX.toString(), Set.of(400, 405, 406, 501));

    private final Conversation conversation;
    private final Location location;
    private final Downloads downloads;
    private final Uploads uploads;

    Repository(Conversation conversation) {
        this.conversation = conversation;
        this.location = conversation.location();
        this.downloads = new Downloads(conversation);
        this.uploads = new Uploads(conversation);
    }

    /**
     * A manifest or an index.
     *
     * @param mediaType as the registry says
     * @param digest of the bytes
     */
    public record Document(String mediaType, Digest digest, byte[] bytes) {}

    /**
     * The digest of what a tag stands for now, in one small request.
     *
     * @return empty if the registry does not tell it so
     * @throws NotFoundException if there is no such tag
     */
    public Optional<Digest> head(String tag, Task task) {
        var request = Request.of("HEAD", url("manifests", tag)).header("Accept", ACCEPTED);
        return conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, pullScope(), task)) {
                if (response.status() == 405 || response.status() == 400) {
                    return Optional.empty();
                }
                conversation.requireSuccess(response, "manifest " + tag, task);
                return response.header("Docker-Content-Digest").map(text -> parseDigest(text, task));
            }
        });
    }

    /**
     * A manifest or an index, checked against its digest.
     *
     * @param reference a tag or a digest
     * @param limit bytes
     * @throws NotFoundException if there is none
     * @throws CorruptContentException if it is too large, or is not what its digest says
     */
    public Document manifest(String reference, ByteSize limit, Task task) {
        var request = Request.of("GET", url("manifests", reference)).header("Accept", ACCEPTED);
        var what = "manifest " + reference;
        return conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, pullScope(), task)) {
                conversation.requireSuccess(response, what, task);
                var bytes = response.bytes(limit.bytes(), what + " of " + location);
                var promised = reference.indexOf(':') >= 0
                        ? Optional.of(Digest.parse(reference))
                        : response.header("Docker-Content-Digest").map(text -> parseDigest(text, task));
                promised.ifPresent(digest -> Hash.require(digest, bytes, what + " of " + location));
                var mediaType = response.header("Content-Type")
                        .orElse("")
                        .split(";", 2)[0]
                        .strip();
                return new Document(mediaType, promised.orElseGet(() -> Hash.sha256(bytes)), bytes);
            }
        });
    }

    /** Whether the registry has a manifest or an index of this digest here. */
    public boolean hasManifest(Digest digest, Task task) {
        var request = Request.of("HEAD", url("manifests", digest.toString())).header("Accept", ACCEPTED);
        return conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, pullScope(), task)) {
                if (response.status() == 404 || response.status() == 405 || response.status() == 400) {
                    return false;
                }
                conversation.requireSuccess(response, "manifest " + digest, task);
                return true;
            }
        });
    }

    /**
     * All tags, in the registry's order.
     *
     * @param limit bytes of one page
     * @throws NotFoundException if there is no such repository
     */
    public Stream<String> tags(ByteSize limit, Task task) {
        var url = location.endpoint()
                .url("/v2/" + location.repository() + "/tags/list", Map.of("n", Integer.toString(PAGE)));
        return new Pages<>(conversation, url, pullScope(), new Pages.Kind("list of tags"), this::tags, limit, task)
                .stream();
    }

    private List<String> tags(JsonObject page) {
        var tags = page.texts("tags");
        for (var tag : tags) {
            if (!ImageReference.isTag(tag)) {
                throw page.wrong("tags", "has what is no tag: " + Shown.text(tag));
            }
        }
        return tags;
    }

    /**
     * What refers to a manifest as its subject: by the registry's own list, or else by the tag that stands in for it.
     *
     * @param limit bytes of one page, or of the index that the tag stands for
     * @return empty if nothing does, or the subject is not there
     * @throws CorruptContentException if there are more than 10 000
     * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers">OCI
     *     distribution spec 1.1.1, Listing Referrers</a>
     */
    public List<Descriptor> referrers(Digest subject, ByteSize limit, Task task) {
        return listedReferrers(subject, limit, task)
                .orElseGet(() -> new ReferrersTag(this, subject, limit, task).referrers());
    }

    /** Empty if the registry keeps no list. */
    private Optional<List<Descriptor>> listedReferrers(Digest subject, ByteSize limit, Task task) {
        List<Descriptor> referrers;
        try {
            referrers = new Pages<>(
                            conversation,
                            url("referrers", subject.toString()),
                            pullScope(),
                            REFERRERS,
                            page -> page.descriptors("manifests"),
                            limit,
                            task)
                    .stream().limit(MOST_REFERRERS + 1L).toList();
        } catch (NotFoundException e) {
            return Optional.empty();
        }
        if (referrers.size() > MOST_REFERRERS) {
            throw new CorruptContentException(task.cannot() + ": the " + REFERRERS.name() + " of " + subject + " in "
                    + location + " has more than " + MOST_REFERRERS + " entries");
        }
        return Optional.of(referrers);
    }

    /**
     * Deletes a manifest, with all its tags.
     *
     * @param limit bytes of a manifest, and of an index of referrers
     * @throws NotFoundException if there is no such manifest
     */
    public void delete(Digest digest, ByteSize limit, Task task) {
        var subject = subject(manifest(digest.toString(), limit, task));
        if (!delete(digest.toString(), task)) {
            throw new RegistryException(
                    task.cannot() + ": " + location.registry() + " does not let anybody delete manifests",
                    "allow it in the registry's configuration");
        }
        subject.ifPresent(of -> {
            if (listedReferrers(of, limit, task).isEmpty()) {
                new ReferrersTag(this, of, limit, task).remove(digest);
            }
        });
    }

    /**
     * Deletes a tag or a manifest.
     *
     * @return whether the registry can
     * @throws NotFoundException if there is none
     */
    public boolean delete(String reference, Task task) {
        var request = Request.of("DELETE", url("manifests", reference));
        return conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, Set.of(Scope.delete(location.repository())), task)) {
                if (response.status() == 405 || response.status() == 400 || response.status() == 501) {
                    response.drain();
                    return false;
                }
                conversation.requireSuccess(response, "manifest " + reference, task);
                response.drain();
                return true;
            }
        });
    }

    private static Optional<Digest> subject(Document document) {
        return JsonObject.parse(document.bytes(), "manifest " + document.digest())
                .findDescriptor("subject")
                .map(Descriptor::digest);
    }

    /** Whether both are repositories of one registry, which then can give blobs of one to the other. */
    public boolean isBeside(Repository other) {
        return location.endpoint().equals(other.location.endpoint()) && !location.equals(other.location);
    }

    /** As the registry calls it. */
    public String path() {
        return location.repository();
    }

    /** Whether the registry has a blob. */
    public boolean hasBlob(Digest digest, Task task) {
        return downloads.has(digest, task);
    }

    /** A small blob, checked against its digest. */
    public byte[] smallBlob(Descriptor blob, ByteSize limit, Task task) {
        var what = "blob " + blob.digest() + " of " + location;
        if (blob.size().bytes() > limit.bytes()) {
            throw new CorruptContentException(
                    "cannot read " + what + ": its " + blob.size().bytes() + " bytes are more than the limit of "
                            + limit,
                    "raise ImageLimits.manifestSize");
        }
        try (var content = blob(blob, 0, () -> {}, task)) {
            var bytes = content.readNBytes((int) blob.size().bytes());
            content.requireEnd();
            Hash.require(blob.digest(), bytes, what);
            return bytes;
        } catch (IOException e) {
            throw conversation.failed(e, task);
        }
    }

    /**
     * A blob while it arrives, from some byte on. Broken connections are mended.
     *
     * @param retrying is run before each pause
     */
    public BlobStream blob(Descriptor blob, long offset, Runnable retrying, Task task) {
        return new BlobStream(downloads, blob, offset, retrying, task);
    }

    /**
     * A blob to send.
     *
     * @param source a new stream of it from some byte on; closed when it was read
     */
    public record Upload(Descriptor blob, Source source) {
        /** Opens content at some byte. */
        @FunctionalInterface
        public interface Source {
            InputStream open(long offset) throws IOException;
        }
    }

    /** Is told how far an upload has come. */
    public interface UploadProgress {
        /** @param bytes that were sent and not yet refused; less than before after a failure */
        void sent(long bytes);

        /** Something failed; it is tried again after a pause. */
        void retrying();
    }

    /** Sends a small blob, unless the registry has it. */
    public void putBlob(Descriptor blob, byte[] content, Task task) {
        if (!hasBlob(blob.digest(), task)) {
            upload(
                    new Upload(blob, offset -> new ByteArrayInputStream(content, (int) offset, content.length)),
                    Set.of(),
                    ByteSize.UNLIMITED,
                    new Untold(),
                    task);
        }
    }

    /** For what nobody waits for. */
    public static final class Untold implements UploadProgress {
        @Override
        public void sent(long bytes) {}

        @Override
        public void retrying() {}
    }

    /**
     * Sends a blob that the registry does not have; best by mounting it from another of its repositories.
     *
     * @param from repositories of this registry that may have it
     * @param chunk the most bytes in one request
     * @return whether it was mounted, and nothing sent
     * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-blobs">OCI distribution
     *     spec 1.1.1, Pushing blobs</a>
     */
    public boolean upload(Upload upload, Set<String> from, ByteSize chunk, UploadProgress progress, Task task) {
        for (var repository : from) {
            if (uploads.mount(upload.blob().digest(), repository, task)) {
                return true;
            }
        }
        new BlobUpload(uploads, upload, chunk, progress, task).run();
        return false;
    }

    /**
     * Puts a manifest or an index whose parts are there. If it has a subject and the registry keeps no list of referrers, it is
     * added to the tag that stands in for that.
     *
     * <p>A refusal for the parts is taken for one that passes: a registry may not see yet what it has just been sent (many
     * keep blobs in a store that is only in the end consistent), and Debian's rewrites the file that says a repository has a blob
     * each time somebody sends that blob, so that another's manifest meets an empty one.
     *
     * @param reference a tag or a digest
     * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject">OCI
     *     distribution spec 1.1.1, Pushing Manifests with Subject</a>
     */
    public void putManifest(String reference, Document document, Task task) {
        var bytes = document.bytes();
        var request = Request.of("PUT", url("manifests", reference))
                .content(
                        document.mediaType(), new Request.Content(bytes.length, () -> new ByteArrayInputStream(bytes)));
        var what = "manifest " + reference;
        var isListed = conversation.asking(task, () -> {
            try (var response = conversation.exchange(request, pushScope(), task)) {
                conversation.requireSuccess(
                        response, what, refusal -> refusal.isPassing() || refusal.isOfParts(), task);
                response.drain();
                var stored = response.header("Docker-Content-Digest")
                        .map(text -> parseDigest(text, task))
                        .orElse(document.digest());
                if (!stored.equals(document.digest())) {
                    throw new RegistryException(
                            task.cannot() + ": " + location.registry() + " has stored another manifest than was sent",
                            Map.of("sent", document.digest(), "stored", stored),
                            "");
                }
                return response.header("OCI-Subject").isPresent();
            }
        });
        if (!isListed) {
            subject(document)
                    .ifPresent(of -> new ReferrersTag(this, of, ByteSize.bytes(LARGEST_REFERRERS), task).add(document));
        }
    }

    private Digest parseDigest(String text, Task task) {
        try {
            return Digest.parse(text);
        } catch (InvalidSpecException e) {
            throw new RegistryException(
                    task.cannot() + ": " + location.registry() + " answered with something that is no digest",
                    Map.of("digest", Shown.text(text)),
                    "");
        }
    }

    private Set<Scope> pullScope() {
        return Set.of(Scope.pull(location.repository()));
    }

    private Set<Scope> pushScope() {
        return Set.of(Scope.push(location.repository()));
    }

    private URI url(String kind, String last) {
        return location.url(kind, last);
    }

    /** Whether the registry turned out to speak another scheme than is spoken here. */
    public boolean isRuledOut() {
        return conversation.isRuledOut();
    }

    /** As in {@code localhost:5000/library/busybox}. */
    @Override
    public String toString() {
        return location.toString();
    }
}
