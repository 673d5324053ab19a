package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpHeaders;
import java.util.Optional;

/**
 * An answer; to be closed.
 *
 * @param url that gave it, behind all redirects
 */
record Response(int status, HttpHeaders headers, URI url, ResponseBody body) implements AutoCloseable {
    private static final int LARGEST_REST = 64 * 1024;

    Optional<String> header(String name) {
        return headers.firstValue(name);
    }

    /** The length that was announced; -1 without one. */
    long length() {
        return headers.firstValueAsLong("Content-Length").orElse(-1);
    }

    boolean isSuccess() {
        return status >= 200 && status < 300;
    }

    boolean isRedirect() {
        return switch (status) {
            case 301, 302, 303, 307, 308 -> true;
            default -> false;
        };
    }

    /**
     * The whole body.
     *
     * @param what for the message
     * @throws CorruptContentException if it has more bytes than the limit
     */
    byte[] bytes(long limit, String what) throws IOException {
        if (length() > limit) {
            throw tooLarge(limit, what);
        }
        var bytes = body.readNBytes((int) Math.min(limit, Integer.MAX_VALUE - 8));
        if (body.read() >= 0) {
            throw tooLarge(limit, what);
        }
        return bytes;
    }

    private static CorruptContentException tooLarge(long limit, String what) {
        return new CorruptContentException(
                "cannot read " + what + ": it is larger than the limit of " + limit + " bytes",
                "raise ImageLimits.manifestSize");
    }

    /** Reads what is left of a short body, so that the connection can serve again; of a long one nothing. */
    void drain() throws IOException {
        if (length() <= LARGEST_REST) {
            body.readNBytes(LARGEST_REST);
        }
    }

    @Override
    public void close() {
        body.close();
    }
}
