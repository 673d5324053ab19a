package dev.cais.runtime.build;

import dev.cais.BuildSecret;
import dev.cais.BuildSpec;
import dev.cais.InvalidSpecException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Secrets of a build that are for servers, who read each as one line of a header. */
record ServerSecrets(BuildSpec spec) {
    /** @throws InvalidSpecException if it is there and no line */
    Optional<String> find(String id) {
        return Optional.ofNullable(spec.access().secrets().get(id))
                .map(BuildSecret::content)
                .map(content -> new String(content, StandardCharsets.UTF_8).strip())
                .map(text -> requireLine(id, text));
    }

    private static String requireLine(String id, String text) {
        if (text.isEmpty() || text.chars().anyMatch(c -> c < ' ' || c == 0x7f)) {
            throw new InvalidSpecException("cannot use secret " + id + ": it is empty or not one line");
        }
        return text;
    }

    /**
     * What {@code Authorization} says to a server of the web: {@code HTTP_AUTH_HEADER_host} as it is, {@code HTTP_AUTH_TOKEN_host} as a bearer's;
     * those that name the port first.
     *
     * @see <a href="https://docs.docker.com/build/building/secrets/#http-authentication-for-add">HTTP authentication for ADD</a>
     */
    Optional<String> authorization(URI url) {
        var host = String.valueOf(url.getHost());
        return Optional.of(url.getPort())
                .filter(port -> port >= 0)
                .flatMap(port -> authorization(host + ":" + port))
                .or(() -> authorization(host));
    }

    private Optional<String> authorization(String server) {
        return find("HTTP_AUTH_HEADER_" + server)
                .or(() -> find("HTTP_AUTH_TOKEN_" + server).map(token -> "Bearer " + token));
    }
}
