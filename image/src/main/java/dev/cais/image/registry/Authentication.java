package dev.cais.image.registry;

import dev.cais.CorruptContentException;
import dev.cais.Credentials;
import dev.cais.RegistryException;
import dev.cais.image.oci.JsonObject;
import dev.cais.image.oci.Shown;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Decides what requests to one registry say about their caller. Nothing is said before the registry asks; credentials are looked
 * for only then. Tokens are kept until they expire, by what they allow.
 *
 * <p>Credentials go to the registry itself (basic), and to the token server that it names: over HTTPS, or in plain HTTP if the
 * registry is spoken to so and the server is on the same host or allowed to be insecure, too. Redirects of a token server are
 * not followed.
 *
 * @see <a href="https://distribution.github.io/distribution/spec/auth/token/">Docker Registry v2, token authentication</a>
 * @see <a href="https://distribution.github.io/distribution/spec/auth/oauth/">the same, OAuth2</a>
 */
final class Authentication {
    private static final int LARGEST_ANSWER = 1 << 20;
    private static final int MOST_TOKENS = 256;
    private static final Duration SHORTEST_LIFE = Duration.ofSeconds(60);
    private static final Duration LONGEST_LIFE = Duration.ofHours(24);
    private static final Duration MARGIN = Duration.ofSeconds(10);
    private static final String CLIENT = "cais";

    private final Transport transport;
    private final Function<Task, Optional<Credentials>> source;
    private final Map<Set<Scope>, Token> tokens = new LinkedHashMap<>();
    private Optional<Credentials> credentials = Optional.empty();
    private boolean isKnown;
    private Optional<Challenge> challenge = Optional.empty();

    /** @param end by System.nanoTime */
    private record Token(String text, long end) {
        boolean isAlive() {
            return System.nanoTime() - end < 0;
        }
    }

    /** @param source asked when the registry asks first, and again after it refused */
    Authentication(Transport transport, Function<Task, Optional<Credentials>> source) {
        this.transport = transport;
        this.source = source;
    }

    /** The value of the Authorization header, if there is something to say already. */
    synchronized Optional<String> authorization(Endpoint endpoint, String registry, Set<Scope> scopes, Task task)
            throws IOException {
        return challenge.isEmpty() ? Optional.empty() : answer(endpoint, registry, challenge.get(), scopes, task);
    }

    /**
     * What to say after a registry refused with 401.
     *
     * @param refused what was said; never said again
     * @return empty if there is nothing else to say
     */
    synchronized Optional<String> authorizationAfter(
            Response response,
            Endpoint endpoint,
            String registry,
            Set<Scope> scopes,
            Optional<String> refused,
            Task task)
            throws IOException {
        tokens.values().removeIf(token -> refused.equals(Optional.of(bearer(token.text))));
        var offered = Challenge.parse(response.headers().allValues("WWW-Authenticate"));
        challenge = offered.stream()
                .filter(each -> each.scheme().equals("bearer"))
                .findFirst()
                .or(() -> offered.stream()
                        .filter(each -> each.scheme().equals("basic"))
                        .findFirst());
        if (challenge.isEmpty()) {
            return Optional.empty();
        }
        var answer = answer(endpoint, registry, challenge.get(), scopes, task);
        if (answer.equals(refused)) {
            isKnown = false; // somebody may log in meanwhile
            return Optional.empty();
        }
        return answer;
    }

    /** Whether the caller is somebody, as far as is known. */
    synchronized boolean hasCredentials() {
        return credentials
                .filter(known -> !(known instanceof Credentials.Anonymous))
                .isPresent();
    }

    private Optional<String> answer(Endpoint endpoint, String registry, Challenge asked, Set<Scope> scopes, Task task)
            throws IOException {
        if (!isKnown) {
            credentials = source.apply(task);
            isKnown = true;
        }
        if (credentials.orElse(null) instanceof Credentials.RegistryToken known) {
            return Optional.of(bearer(known.token()));
        }
        if (asked.scheme().equals("bearer")) {
            return Optional.of(bearer(token(endpoint, registry, asked, scopes, task)));
        }
        return credentials.orElse(null) instanceof Credentials.Basic known
                ? Optional.of(basic(known.user(), known.password()))
                : Optional.empty();
    }

    private static String bearer(String token) {
        return "Bearer " + token;
    }

    static String basic(String user, String password) {
        return "Basic " + Base64.getEncoder().encodeToString((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    private String token(Endpoint endpoint, String registry, Challenge asked, Set<Scope> scopes, Task task)
            throws IOException {
        tokens.values().removeIf(token -> !token.isAlive());
        for (var known : tokens.entrySet()) {
            if (scopes.stream().allMatch(scope -> scope.isAmong(known.getKey()))) {
                return known.getValue().text;
            }
        }
        var wanted = new LinkedHashSet<>(scopes);
        var token = fetch(endpoint, registry, asked, wanted, task);
        tokens.put(Set.copyOf(scopes), token);
        for (Iterator<Set<Scope>> oldest = tokens.keySet().iterator(); tokens.size() > MOST_TOKENS; ) {
            oldest.next();
            oldest.remove();
        }
        return token.text;
    }

    private Token fetch(Endpoint endpoint, String registry, Challenge asked, Collection<Scope> scopes, Task task)
            throws IOException {
        var realm = realm(endpoint, registry, asked, task);
        var texts = new ArrayList<>(scopes.stream().map(Scope::toString).toList());
        var service = asked.parameters().getOrDefault("service", "");
        if (scopes.isEmpty()) {
            Optional.ofNullable(asked.parameters().get("scope")).ifPresent(texts::add);
        }
        if (credentials.orElse(null) instanceof Credentials.IdentityToken identity) {
            var posted = post(realm, service, texts, identity, task);
            if (posted.isPresent()) {
                return posted.get();
            }
        }
        return get(realm, service, texts, task);
    }

    private URI realm(Endpoint endpoint, String registry, Challenge asked, Task task) {
        var text = asked.parameters().getOrDefault("realm", "");
        URI realm;
        try {
            realm = URI.create(text);
        } catch (IllegalArgumentException e) {
            throw wrongRealm(registry, text, "is no URL", task);
        }
        var scheme = realm.getScheme();
        if (scheme == null || realm.getHost() == null || realm.getUserInfo() != null) {
            throw wrongRealm(registry, text, "is no URL of a server", task);
        }
        var server = Endpoint.of(realm);
        var isTrusted = server.scheme().equals("https")
                || server.scheme().equals("http")
                        && endpoint.scheme().equals("http")
                        && (server.host().equalsIgnoreCase(endpoint.host())
                                || transport.options().insecure().contains(server.authority()));
        if (!isTrusted) {
            throw wrongRealm(registry, text, "is not HTTPS", task);
        }
        return realm;
    }

    private static RegistryException wrongRealm(String registry, String realm, String why, Task task) {
        return new RegistryException(
                task.cannot() + ": the token server that " + registry + " names " + why,
                Map.of("realm", Shown.text(realm)),
                "");
    }

    /** Empty if the server does not know how. */
    private Optional<Token> post(
            URI realm, String service, List<String> scopes, Credentials.IdentityToken identity, Task task)
            throws IOException {
        var fields = new LinkedHashMap<String, String>();
        fields.put("grant_type", "refresh_token");
        fields.put("service", service);
        fields.put("client_id", CLIENT);
        fields.put("scope", String.join(" ", scopes));
        fields.put("refresh_token", identity.token());
        var form = Endpoint.form(fields).getBytes(StandardCharsets.UTF_8);
        var request = Request.of("POST", realm)
                .content(
                        "application/x-www-form-urlencoded",
                        new Request.Content(form.length, () -> new ByteArrayInputStream(form)));
        try (var response = transport.send("", request, task)) {
            if (response.status() == 404 || response.status() == 405 || response.status() == 501) {
                response.drain();
                return Optional.empty();
            }
            return Optional.of(read(response, realm, task));
        }
    }

    private Token get(URI realm, String service, List<String> scopes, Task task) throws IOException {
        var url = realm;
        if (!service.isEmpty()) {
            url = Endpoint.withQuery(url, Map.of("service", service));
        }
        for (var scope : scopes) {
            url = Endpoint.withQuery(url, Map.of("scope", scope));
        }
        var request = Request.of("GET", url);
        var known = credentials.orElse(null);
        if (known instanceof Credentials.Basic basic) {
            request = Request.of("GET", Endpoint.withQuery(url, Map.of("account", basic.user())))
                    .header("Authorization", basic(basic.user(), basic.password()));
        } else if (known instanceof Credentials.IdentityToken identity) {
            request = request.header("Authorization", basic(identity.user(), identity.token()));
        }
        try (var response = transport.send("", request, task)) {
            return read(response, realm, task);
        }
    }

    private Token read(Response response, URI realm, Task task) throws IOException {
        var server = Endpoint.of(realm).authority();
        if (response.status() == 429 || response.status() >= 500) {
            throw new IOException("the token server " + server + " answered " + response.status());
        }
        if (!response.isSuccess()) {
            response.drain();
            isKnown = false;
            throw new RegistryException(
                    task.cannot() + ": the token server " + server + " refused "
                            + (hasCredentials() ? "the credentials" : "a caller without credentials"),
                    Map.of("status", response.status()),
                    "pass the right credentials, or log in with docker login");
        }
        var json = JsonObject.parse(response.bytes(LARGEST_ANSWER, "the token of " + server), "the token of " + server);
        var text = json.findText("token")
                .filter(token -> !token.isEmpty())
                .or(() -> json.findText("access_token"))
                .orElse("");
        if (text.isEmpty() || text.chars().anyMatch(letter -> letter <= ' ' || letter >= 0x7f)) {
            throw new CorruptContentException("cannot read the token of " + server + ": there is none in its answer");
        }
        var life = Duration.ofSeconds(Math.min(
                LONGEST_LIFE.toSeconds(), Math.max(SHORTEST_LIFE.toSeconds(), json.numberOrZero("expires_in"))));
        return new Token(text, System.nanoTime() + life.minus(MARGIN).toNanos());
    }
}
