package dev.cais.runtime.build;

import dev.cais.ByteSize;
import dev.cais.CorruptContentException;
import dev.cais.Digest;
import dev.cais.EngineException;
import dev.cais.StorageException;
import dev.cais.image.archive.HashedContent;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.oci.Hash;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import dev.cais.image.registry.Vicinity;
import dev.cais.image.registry.WebFiles;
import dev.cais.image.registry.WebFiles.Version;
import dev.cais.image.registry.WebFiles.WebFile;
import dev.cais.storage.Attributes;
import dev.cais.storage.InRoot;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A file of the web. What it held the last time is remembered with what the server calls that version of it, so that a file that did not
 * change is asked for and not fetched; one whose checksum is given is not even asked for as long as what the step makes is known.
 */
final class RemoteFile implements Remote {
    private static final int MODE = 0600;
    private static final int BUFFER = 128 * 1024;
    private static final String UNNAMED = "__unnamed__";

    private final Workplace workplace;
    private final URI url;
    private final Optional<Digest> checksum;
    private final Vicinity nearest;
    private final ServerSecrets secrets;
    private final Path directory;
    private Optional<Digest> digest = Optional.empty();
    private Optional<Instant> modified = Optional.empty();
    private boolean isHere;

    /**
     * @param nearest how near to this host the server may be
     * @param secrets that it may ask for
     * @param directory empty, for the file
     */
    RemoteFile(
            Workplace workplace,
            URI url,
            Optional<Digest> checksum,
            Vicinity nearest,
            ServerSecrets secrets,
            Path directory) {
        this.workplace = workplace;
        this.url = url;
        this.checksum = checksum;
        this.nearest = nearest;
        this.secrets = secrets;
        this.directory = directory;
    }

    /** The last part of the address. */
    @Override
    public String path() {
        var path = Optional.ofNullable(url.getPath()).orElse("").replaceAll("/+$", "");
        var name = path.substring(path.lastIndexOf('/') + 1);
        return name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('\0') >= 0 ? UNNAMED : name;
    }

    @Override
    public synchronized Digest digest() {
        if (digest.isEmpty()) {
            digest = checksum.or(() -> Optional.of(ask()));
        }
        return digest.get();
    }

    @Override
    public Provenance.Material material() {
        return Provenance.Material.of(toString(), digest());
    }

    /** Knows the file again, or fetches it. */
    private Digest ask() {
        var known = note();
        modified = known.version().lastModified().flatMap(RemoteFile::time);
        return get(known.version())
                .map(this::fetch)
                .or(known::digest)
                .orElseThrow(() -> new CorruptContentException(
                        "cannot fetch " + this + ": its server says that it is known, and it is not"));
    }

    private Optional<WebFile> get(Version known) {
        return workplace.host().images().webFiles().get(url, known, nearest, secrets.authorization(url));
    }

    /** What it holds, which is here then; to be closed. */
    InputStream content() throws IOException {
        tree();
        return Files.newInputStream(directory.resolve(path()));
    }

    @Override
    public synchronized Origins.Tree tree() {
        var wanted = digest();
        if (!isHere) {
            var found = get(Version.NONE).map(this::fetch).orElseThrow();
            if (!found.equals(wanted)) {
                throw new CorruptContentException(
                        "cannot use " + this + ": its content has another digest",
                        Map.of("found", found),
                        checksum.isPresent() ? "" : "it changed just now: build it again");
            }
        }
        return new Origins.OfDirectory(toString(), directory);
    }

    @Override
    public synchronized Optional<Instant> time() {
        if (checksum.isPresent()) {
            tree(); // nobody has asked the server for it yet
        } else {
            digest();
        }
        return modified.or(this::newest);
    }

    private Optional<Instant> newest() {
        try (var content = content()) {
            return Archives.newest(content, toString(), workplace.host().limits());
        } catch (IOException e) {
            throw new StorageException("cannot read " + this + ": " + e.getMessage(), Map.of(), "", e);
        }
    }

    private Digest fetch(WebFile file) {
        var limit = workplace.host().limits().layerSize();
        var algorithm = checksum.map(Digest::algorithm).orElse("sha256");
        modified = file.version().lastModified().flatMap(RemoteFile::time);
        var time = modified.orElse(Instant.EPOCH);
        try (file;
                var content = new HashedContent(file.content(), algorithm);
                var files = workplace.host().store().files(directory);
                var sink = files.file(InRoot.path(path()), new Attributes(0, 0, MODE, time, time, List.of()))) {
            var buffer = new byte[BUFFER];
            var size = 0L;
            for (var count = content.read(buffer); count >= 0; count = content.read(buffer)) {
                size += count;
                requireWithin(limit, size);
                sink.write(buffer, 0, count);
            }
            sink.finish();
            isHere = true;
            var found = content.digest();
            putNote(found, file.version());
            return found;
        } catch (IOException e) {
            throw new StorageException(
                    "cannot fetch " + this + ": what its server sends ends early",
                    Map.of("cause", Shown.text(String.valueOf(e.getMessage()))),
                    "build it again",
                    e);
        }
    }

    private void requireWithin(ByteSize limit, long size) {
        if (size > limit.bytes()) {
            throw new CorruptContentException("cannot fetch " + this + ": it has more than " + limit + ", the limit");
        }
    }

    private static Optional<Instant> time(String header) {
        try {
            return Optional.of(ZonedDateTime.parse(header.strip(), DateTimeFormatter.RFC_1123_DATE_TIME)
                    .toInstant());
        } catch (DateTimeException e) {
            return Optional.empty();
        }
    }

    private record Known(Version version, Optional<Digest> digest) {
        static final Known NOTHING = new Known(Version.NONE, Optional.empty());
    }

    private Digest noteName() {
        return Hash.sha256(("file of the web\n" + url).getBytes(StandardCharsets.UTF_8));
    }

    private Known note() {
        try {
            return workplace
                    .host()
                    .store()
                    .builds()
                    .note(noteName())
                    .map(bytes -> JsonObject.parse(bytes, "note of a file"))
                    .map(note -> new Known(
                            new Version(note.findText("etag"), note.findText("lastModified")),
                            Optional.of(note.digest("digest"))))
                    .orElse(Known.NOTHING);
        } catch (EngineException e) {
            return Known.NOTHING; // of another version, perhaps
        }
    }

    private void putNote(Digest found, Version version) {
        if (version.equals(Version.NONE)) {
            return;
        }
        var note = new LinkedHashMap<String, Object>();
        note.put("digest", found.toString());
        version.etag().ifPresent(etag -> note.put("etag", etag));
        version.lastModified().ifPresent(time -> note.put("lastModified", time));
        workplace.host().store().builds().putNote(noteName(), JsonObject.write(note));
    }

    @Override
    public String toString() {
        return WebFiles.shown(url);
    }
}
