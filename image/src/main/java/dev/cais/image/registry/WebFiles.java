package dev.cais.image.registry;

import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import dev.cais.NotFoundException;
import dev.cais.image.oci.Shown;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Files of the web, fetched for somebody who is not trusted: an address that leads to this host or its link is refused unless that is allowed,
 * and so is a redirect to anywhere nearer than where it comes from. Proxies, certificates and time limits are those of registries. For
 * many threads.
 */
public final class WebFiles {
    private static final int MOST_REDIRECTS = 10;
    private static final int NOT_MODIFIED = 304;

    private final Transport transport;

    WebFiles(Transport transport) {
        this.transport = transport;
    }

    /** What a server said of a file, to know it again. */
    public record Version(Optional<String> etag, Optional<String> lastModified) {
        public static final Version NONE = new Version(Optional.empty(), Optional.empty());
    }

    /**
     * A file that comes; to be closed.
     *
     * @param content fails with an {@link IOException} if the connection breaks before all has come
     */
    public record WebFile(InputStream content, Version version) implements AutoCloseable {
        @Override
        public void close() {
            try {
                content.close();
            } catch (IOException e) {
                throw new IllegalStateException(e); // a body's end has none
            }
        }
    }

    /**
     * Reads an address.
     *
     * @throws InvalidSpecException if it is none of http or https, with a host
     */
    public static URI parse(String text) {
        try {
            var url = URI.create(text.strip());
            var scheme = String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT);
            if (url.getHost() != null && (scheme.equals("http") || scheme.equals("https"))) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new InvalidSpecException("there is no such address: " + Shown.text(text));
    }

    /**
     * Asks for a file.
     *
     * @param known what is known of it
     * @param nearest how near a server may be that the address itself names
     * @param authorization for the server of the address, and for no other that it leads to; else what the address has of one counts
     * @return empty if it is still the one that is known
     * @throws NotFoundException if there is none
     * @throws BuildException if the server cannot be reached, or refuses, or leads where it must not
     */
    public Optional<WebFile> get(URI address, Version known, Vicinity nearest, Optional<String> authorization) {
        var task = new Task("fetch " + shown(address), transport.options().timeout());
        try {
            return follow(address, known, nearest, authorization.or(() -> ofUser(address)), task);
        } catch (IOException e) {
            throw new BuildException(
                    task.cannot() + ": " + Endpoint.of(address) + " does not answer", Map.of("cause", shown(e)), "", e);
        }
    }

    /** An address without what in it may be a password. */
    public static String shown(URI address) {
        var user = address.getRawUserInfo();
        return Shown.text(
                user == null ? address.toString() : address.toString().replaceFirst(Pattern.quote(user), "…"));
    }

    private static String shown(IOException failure) {
        if (failure.getMessage() == null) {
            return failure instanceof ConnectException
                    ? "connection refused"
                    : failure.getClass().getSimpleName();
        }
        return Shown.text(failure.getMessage());
    }

    /**
     * Refuses a server that is too near to this host.
     *
     * @param url of any scheme; proxies are those of http and https
     * @throws BuildException if it is, or if there is no such server
     */
    public void requireFarEnough(URI url, Vicinity nearest) {
        requireFarEnough(
                url,
                nearest,
                new Task("fetch " + shown(url), transport.options().timeout()));
    }

    /**
     * Where a server is.
     *
     * @param url of any scheme
     * @throws BuildException if there is no such server
     */
    public Vicinity vicinity(URI url) {
        return vicinity(url, new Task("fetch " + shown(url), transport.options().timeout()));
    }

    private Vicinity requireFarEnough(URI url, Vicinity nearest, Task task) {
        var vicinity = vicinity(url, task);
        if (vicinity.isNearerThan(nearest)) {
            throw new BuildException(
                    task.cannot() + ": " + url.getHost() + " is " + vicinity,
                    "allow it with BuildSpec.allow(BuildEntitlement.NETWORK_HOST), if you trust the Dockerfile");
        }
        return vicinity;
    }

    private Optional<WebFile> follow(
            URI address, Version known, Vicinity nearest, Optional<String> authorization, Task task)
            throws IOException {
        var url = address;
        var vicinity = requireFarEnough(url, nearest, task);
        for (var redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
            var isFirst = Endpoint.of(url).equals(Endpoint.of(address));
            var response = transport.send("", request(url, isFirst ? authorization : Optional.empty(), known), task);
            var target = response.isRedirect() ? response.header("Location") : Optional.<String>empty();
            if (target.isEmpty()) {
                return answer(response, address, task);
            }
            response.drain();
            response.close();
            var next = resolve(url, target.get(), task);
            var nextVicinity = vicinity(next, task);
            if (nextVicinity.isNearerThan(vicinity)) {
                throw leadsAstray(
                        url, next.getScheme() + "://" + next.getRawAuthority(), "which is " + nextVicinity, task);
            }
            url = next;
            vicinity = nextVicinity;
        }
        throw new BuildException(task.cannot() + ": it redirects more than " + MOST_REDIRECTS + " times");
    }

    private static Optional<WebFile> answer(Response response, URI address, Task task) {
        if (response.status() == NOT_MODIFIED) {
            response.close();
            return Optional.empty();
        } else if (response.isSuccess()) {
            return Optional.of(new WebFile(
                    response.body(), new Version(response.header("ETag"), response.header("Last-Modified"))));
        }
        response.close();
        if (response.status() == 404 || response.status() == 410) {
            throw new NotFoundException(
                    task.cannot() + ": " + Endpoint.of(address) + " has no such file",
                    Map.of("status", response.status()),
                    "");
        }
        throw new BuildException(
                task.cannot() + ": " + Endpoint.of(address) + " refused it", Map.of("status", response.status()), "");
    }

    private static Optional<String> ofUser(URI address) {
        return Optional.ofNullable(address.getUserInfo()).map(info -> {
            var colon = info.indexOf(':');
            var user = colon < 0 ? info : info.substring(0, colon);
            return Authentication.basic(user, colon < 0 ? "" : info.substring(colon + 1));
        });
    }

    private static Request request(URI url, Optional<String> authorization, Version known) {
        var request = Request.of("GET", bare(url)).header("Accept-Encoding", "identity");
        if (authorization.isPresent()) {
            request = request.header("Authorization", authorization.get());
        }
        if (known.etag().isPresent()) {
            request = request.header("If-None-Match", known.etag().get());
        }
        return known.lastModified().isPresent() && known.etag().isEmpty()
                ? request.header("If-Modified-Since", known.lastModified().get())
                : request;
    }

    /** Without what a server need not know. */
    private static URI bare(URI url) {
        var text = url.toString();
        var fragment = text.indexOf('#');
        var bare = fragment < 0 ? text : text.substring(0, fragment);
        var user = url.getRawUserInfo();
        return URI.create(user == null ? bare : bare.replaceFirst(Pattern.quote(user + "@"), ""));
    }

    private static URI resolve(URI url, String target, Task task) {
        URI next;
        try {
            next = parse(url.resolve(target).toString());
        } catch (InvalidSpecException | IllegalArgumentException e) {
            throw leadsAstray(url, target, "which is no address of the web", task);
        }
        if (Endpoint.of(url).scheme().equals("https")
                && !Endpoint.of(next).scheme().equals("https")) {
            throw leadsAstray(url, target, "which is no longer encrypted", task);
        }
        if (next.getRawUserInfo() != null) {
            throw leadsAstray(url, next.getHost(), "with credentials", task);
        }
        return next;
    }

    private static BuildException leadsAstray(URI from, String target, String why, Task task) {
        return new BuildException(
                task.cannot() + ": " + Endpoint.of(from) + " redirects to " + Shown.text(target) + ", " + why);
    }

    /**
     * Where a server is; behind a proxy only what its address says. The JVM remembers for some seconds what it has looked up, and takes
     * the same for the connection.
     */
    private Vicinity vicinity(URI url, Task task) {
        var endpoint = Endpoint.of(url);
        if (endpoint.isLoopback()) {
            return Vicinity.HOST;
        }
        var isNumeric = endpoint.host().indexOf(':') >= 0 || endpoint.host().matches("[0-9.]+|0[xX].*");
        if (!isNumeric && transport.hasProxyTo(url)) {
            return Vicinity.PUBLIC;
        }
        try {
            return Vicinity.of(InetAddress.getAllByName(endpoint.host()));
        } catch (UnknownHostException e) {
            throw new BuildException(
                    task.cannot() + ": there is no host " + Shown.text(endpoint.host()), Map.of(), "", e);
        }
    }
}
