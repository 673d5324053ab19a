package dev.cais.image.registry;

import java.io.InputStream;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** A request. The methods return changed copies. */
record Request(String method, URI url, Map<String, String> headers, Optional<Content> content) {
    /**
     * What is sent along.
     *
     * @param length in bytes
     * @param source a new stream of them each time; closed when it was read
     */
    record Content(long length, Supplier<InputStream> source) {
        static final Content NONE = new Content(0, InputStream::nullInputStream);
    }

    static Request of(String method, URI url) {
        return new Request(method, url, Map.of(), Optional.empty());
    }

    Request header(String name, String value) {
        var changed = new LinkedHashMap<>(headers);
        changed.put(name, value);
        return new Request(method, url, changed, content);
    }

    /** For what is behind that many bytes: RFC 9110, 14.2. */
    Request from(long offset) {
        return offset == 0 ? this : header("Range", "bytes=" + offset + "-");
    }

    Request content(String mediaType, Content sent) {
        return new Request(method, url, headers, Optional.of(sent)).header("Content-Type", mediaType);
    }

    Request to(URI other) {
        return new Request(method, other, headers, content);
    }

    /** Neither headers nor content, which may hold secrets. */
    @Override
    public String toString() {
        return method + " " + url.getHost() + url.getPath();
    }
}
