package dev.cais.image.registry;

import dev.cais.ByteSize;
import dev.cais.Descriptor;
import dev.cais.Digest;
import dev.cais.NotFoundException;
import dev.cais.RegistryException;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.Index;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.MediaType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tag that stands in for the list of a subject's referrers where a registry keeps none: an index that whoever pushes a
 * referrer adds it to. A registry has no way to change it in one step, so each change is looked at again afterwards, and made
 * again if somebody else's has taken its place; in one JVM there is one change at a time.
 *
 * @see <a href="https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema">OCI distribution
 *     spec 1.1.1, Referrers Tag Schema</a>
 */
final class ReferrersTag {
    private static final int MOST_TRIES = 5;
    private static final int LONGEST = 64;
    private static final Object CHANGE = new Object();

    private final Repository repository;
    private final String tag;
    private final ByteSize limit;
    private final Task task;

    /** @param limit bytes of the index */
    ReferrersTag(Repository repository, Digest subject, ByteSize limit, Task task) {
        this.repository = repository;
        this.tag = subject.algorithm() + "-"
                + subject.hex().substring(0, Math.min(LONGEST, subject.hex().length()));
        this.limit = limit;
        this.task = task;
    }

    List<Descriptor> referrers() {
        return read().map(document -> Index.parse(document.bytes(), what()).manifests())
                .orElse(List.of());
    }

    void add(Repository.Document referrer) {
        synchronized (CHANGE) {
            for (var tries = 0; tries < MOST_TRIES; tries++) {
                var entries = entries();
                if (has(entries, referrer.digest())) {
                    return;
                }
                entries.add(JsonObject.map(descriptor(referrer)));
                put(entries);
            }
            if (!has(entries(), referrer.digest())) {
                throw changing();
            }
        }
    }

    void remove(Digest referrer) {
        synchronized (CHANGE) {
            for (var tries = 0; tries < MOST_TRIES; tries++) {
                var entries = entries();
                if (!has(entries, referrer)) {
                    return;
                }
                entries.removeIf(entry -> is(entry, referrer));
                put(entries);
            }
            if (has(entries(), referrer)) {
                throw changing();
            }
        }
    }

    private RegistryException changing() {
        return new RegistryException(
                task.cannot() + ": the list of referrers, tag " + tag + " of " + repository
                        + ", does not keep what is written to it",
                "see whether somebody else is writing to it all the time");
    }

    private static boolean has(List<Map<String, Object>> entries, Digest digest) {
        return entries.stream().anyMatch(entry -> is(entry, digest));
    }

    private static boolean is(Map<String, Object> entry, Digest digest) {
        return digest.toString().equals(String.valueOf(entry.get("digest")));
    }

    /** As they are written, since other tools may know more fields. */
    private List<Map<String, Object>> entries() {
        var entries = new ArrayList<Map<String, Object>>();
        read().ifPresent(document -> {
            Index.parse(document.bytes(), what());
            JsonObject.parse(document.bytes(), what()).objects("manifests").forEach(entry -> entries.add(entry.copy()));
        });
        return entries;
    }

    private Optional<Repository.Document> read() {
        try {
            return Optional.of(repository.manifest(tag, limit, task));
        } catch (NotFoundException e) {
            return Optional.empty();
        }
    }

    private String what() {
        return "list of referrers, tag " + tag + " of " + repository;
    }

    private void put(List<Map<String, Object>> entries) {
        var index = new LinkedHashMap<String, Object>();
        index.put("schemaVersion", 2);
        index.put("mediaType", MediaType.OCI_INDEX);
        index.put("manifests", entries);
        var bytes = JsonObject.write(index);
        repository.putManifest(
                tag, new Repository.Document(MediaType.OCI_INDEX.toString(), Hash.sha256(bytes), bytes), task);
    }

    private static Descriptor descriptor(Repository.Document referrer) {
        var json = JsonObject.parse(referrer.bytes(), "manifest " + referrer.digest());
        return new Descriptor(
                referrer.mediaType(),
                referrer.digest(),
                ByteSize.bytes(referrer.bytes().length),
                Optional.empty(),
                json.findText("artifactType")
                        .filter(type -> !type.isEmpty())
                        .or(() -> json.findDescriptor("config").map(Descriptor::mediaType))
                        .orElse(""),
                json.textMap("annotations"),
                List.of());
    }
}
