package dev.cais.runtime;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** Git's smart http on loopback, for those who have what it demands: {@code git http-backend} behind the JDK's server. */
final class GitWebServer implements AutoCloseable {
    private final HttpServer server;
    private final Path directory;
    private final List<String> shown = new CopyOnWriteArrayList<>();
    private volatile String demanded;

    /**
     * @param directory that has the repositories
     * @param demanded the value of {@code Authorization}; nobody else sees anything
     */
    GitWebServer(Path directory, String demanded) {
        this.directory = directory;
        this.demanded = demanded;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.createContext("/", this::answer);
        server.start();
    }

    void demand(String value) {
        demanded = value;
    }

    /** Host and port. */
    String authority() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    String url(String repository) {
        return "http://" + authority() + "/" + repository;
    }

    /** What requests had as {@code Authorization}, or {@code nothing}, since this was asked for last. */
    List<String> shown() {
        var all = shown.stream().distinct().toList();
        shown.clear();
        return all;
    }

    private void answer(HttpExchange exchange) throws IOException {
        try (exchange) {
            var authorization = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
                    .orElse("nothing");
            shown.add(authorization);
            if (authorization.equals(demanded)) {
                backend(exchange);
            } else {
                exchange.getResponseHeaders().set("WWW-Authenticate", "Basic realm=\"git\"");
                exchange.sendResponseHeaders(401, -1);
            }
        }
    }

    /** RFC 3875. */
    private void backend(HttpExchange exchange) throws IOException {
        var builder = new ProcessBuilder("git", "http-backend").redirectError(ProcessBuilder.Redirect.DISCARD);
        var variables = builder.environment();
        variables.put("GIT_PROJECT_ROOT", directory.toString());
        variables.put("GIT_HTTP_EXPORT_ALL", "1");
        variables.put("GIT_CONFIG_NOSYSTEM", "1");
        variables.put("GIT_CONFIG_GLOBAL", "/dev/null");
        variables.put("REQUEST_METHOD", exchange.getRequestMethod());
        variables.put("PATH_INFO", exchange.getRequestURI().getPath());
        variables.put(
                "QUERY_STRING",
                Optional.ofNullable(exchange.getRequestURI().getQuery()).orElse(""));
        header(exchange, "Content-Type").ifPresent(value -> variables.put("CONTENT_TYPE", value));
        header(exchange, "Content-Encoding").ifPresent(value -> variables.put("HTTP_CONTENT_ENCODING", value));
        header(exchange, "Git-Protocol").ifPresent(value -> variables.put("HTTP_GIT_PROTOCOL", value));
        var process = builder.start();
        try (var in = process.getOutputStream()) {
            exchange.getRequestBody().transferTo(in);
        }
        var all = process.getInputStream().readAllBytes();
        var text = new String(all, StandardCharsets.ISO_8859_1);
        var end = text.indexOf("\r\n\r\n");
        var status = 200;
        for (var line : text.substring(0, end).split("\r\n")) {
            var colon = line.indexOf(':');
            if (line.startsWith("Status:")) {
                status = Integer.parseInt(line.substring(colon + 1).strip().substring(0, 3));
            } else {
                exchange.getResponseHeaders()
                        .set(line.substring(0, colon), line.substring(colon + 1).strip());
            }
        }
        exchange.sendResponseHeaders(status, 0);
        new ByteArrayInputStream(all, end + 4, all.length - end - 4).transferTo(exchange.getResponseBody());
    }

    private static Optional<String> header(HttpExchange exchange, String name) {
        return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name));
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
