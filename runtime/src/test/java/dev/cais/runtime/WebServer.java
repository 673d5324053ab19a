package dev.cais.runtime;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** A web server on loopback, which a test fills; it may serve as a proxy, too: it does not look at the host that is asked for. */
final class WebServer implements AutoCloseable {
    private final HttpServer server;
    private final Map<String, Page> pages = new HashMap<>();
    private final Map<String, String> authorizations = new HashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    private record Page(int status, Map<String, String> headers, byte[] content) {}

    WebServer() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::answer);
        server.start();
    }

    String url(String path) {
        return "http://127.0.0.1:" + server.getAddress().getPort() + path;
    }

    /** @param headers an {@code ETag} is compared with what is asked */
    void put(String path, int status, Map<String, String> headers, byte[] content) {
        synchronized (pages) {
            pages.put(path, new Page(status, headers, content));
        }
    }

    void put(String path, byte[] content) {
        put(path, 200, Map.of(), content);
    }

    void redirect(String path, String target) {
        put(path, 302, Map.of("Location", target), new byte[0]);
    }

    /** Shows a path to those alone who say this. */
    void protect(String path, String authorization) {
        synchronized (pages) {
            authorizations.put(path, authorization);
        }
    }

    /** Path and answer of each, since this was asked for last. */
    List<String> requests() {
        var all = List.copyOf(requests);
        requests.clear();
        return all;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            var path = exchange.getRequestURI().getPath();
            Page page;
            synchronized (pages) {
                var said = exchange.getRequestHeaders().getFirst("Authorization");
                var isShown =
                        authorizations.getOrDefault(path, String.valueOf(said)).equals(String.valueOf(said));
                page = isShown
                        ? pages.getOrDefault(path, new Page(404, Map.of(), new byte[0]))
                        : new Page(401, Map.of(), new byte[0]);
            }
            var known = exchange.getRequestHeaders().getFirst("If-None-Match");
            var since = exchange.getRequestHeaders().getFirst("If-Modified-Since");
            var isKnown = known != null && known.equals(page.headers.get("ETag"))
                    || since != null && since.equals(page.headers.get("Last-Modified"));
            var status = isKnown ? 304 : page.status;
            requests.add(path + " " + status);
            page.headers.forEach(exchange.getResponseHeaders()::set);
            var length = Long.parseLong(page.headers.getOrDefault("X-Length", Long.toString(page.content.length)));
            exchange.sendResponseHeaders(status, isKnown || length == 0 ? -1 : length);
            if (!isKnown) {
                exchange.getResponseBody().write(page.content);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
