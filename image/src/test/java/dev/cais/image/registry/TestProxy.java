package dev.cais.image.registry;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** An HTTP proxy on loopback that knows some servers by names of the test's; one request a connection. */
final class TestProxy implements AutoCloseable {
    private final ServerSocket server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final Map<String, String> routes;
    private final String authorization;
    private final List<String> requests = new CopyOnWriteArrayList<>();

    /**
     * @param routes where on loopback a {@code host:port} is
     * @param authorization what callers have to say; empty for nothing
     */
    TestProxy(Map<String, String> routes, String authorization) {
        this.routes = routes;
        this.authorization = authorization;
        try {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::accept);
    }

    URI url() {
        return URI.create("http://" + address());
    }

    String address() {
        return "127.0.0.1:" + server.getLocalPort();
    }

    /** Method and target of each request, and what the caller said of itself. */
    List<String> requests() {
        return new ArrayList<>(requests);
    }

    private void accept() {
        try {
            while (true) {
                var client = server.accept();
                open.add(client);
                threads.execute(() -> serve(client));
            }
        } catch (IOException e) {
            // it was closed
        }
    }

    private void serve(Socket client) {
        try (client) {
            var head = head(client.getInputStream());
            var words = head.get(0).split(" ", -1);
            var said = head.stream()
                    .filter(line -> line.startsWith("Proxy-Authorization: "))
                    .map(line -> line.substring("Proxy-Authorization: ".length()))
                    .findFirst()
                    .orElse("");
            requests.add((words[0] + " " + words[1] + " " + said).strip());
            if (!said.equals(authorization)) {
                answer(client, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=test");
            } else if (words[0].equals("CONNECT")) {
                relay(client, words[1], "");
            } else {
                var url = URI.create(words[1]);
                var path = url.getRawPath() + (url.getRawQuery() == null ? "" : "?" + url.getRawQuery());
                var forwarded = new StringBuilder(words[0] + " " + path + " HTTP/1.1\r\nConnection: close\r\n");
                head.stream()
                        .skip(1)
                        .filter(line -> !line.startsWith("Proxy-") && !line.startsWith("Connection:"))
                        .forEach(line -> forwarded.append(line).append("\r\n"));
                relay(client, url.getHost() + ":" + (url.getPort() < 0 ? 80 : url.getPort()), forwarded + "\r\n");
            }
        } catch (IOException e) {
            // one side has gone
        } finally {
            open.remove(client);
        }
    }

    private static List<String> head(InputStream in) throws IOException {
        var bytes = new java.io.ByteArrayOutputStream();
        while (!bytes.toString(StandardCharsets.ISO_8859_1).endsWith("\r\n\r\n")) {
            var next = in.read();
            if (next < 0) {
                throw new IOException("the client has gone");
            }
            bytes.write(next);
        }
        var text = bytes.toString(StandardCharsets.ISO_8859_1);
        return new BufferedReader(new InputStreamReader(
                        new java.io.ByteArrayInputStream(text.getBytes(StandardCharsets.ISO_8859_1)),
                        StandardCharsets.ISO_8859_1))
                .lines()
                .filter(line -> !line.isEmpty())
                .toList();
    }

    private static void answer(Socket client, String status) throws IOException {
        client.getOutputStream()
                .write(("HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .getBytes(StandardCharsets.ISO_8859_1));
    }

    /** @param first what the server is told before the client's own words; empty for a tunnel */
    private void relay(Socket client, String target, String first) throws IOException {
        var place = routes.getOrDefault(target, "");
        if (place.isEmpty()) {
            answer(client, "502 Bad Gateway");
            return;
        }
        var colon = place.indexOf(':');
        try (var upstream = new Socket(place.substring(0, colon), Integer.parseInt(place.substring(colon + 1)))) {
            open.add(upstream);
            if (first.isEmpty()) {
                client.getOutputStream()
                        .write("HTTP/1.1 200 Connection established\r\n\r\n".getBytes(StandardCharsets.ISO_8859_1));
            } else {
                upstream.getOutputStream().write(first.getBytes(StandardCharsets.ISO_8859_1));
            }
            threads.execute(() -> copy(client, upstream));
            copy(upstream.getInputStream(), client.getOutputStream());
            open.remove(upstream);
        }
    }

    private static void copy(Socket from, Socket to) {
        try {
            copy(from.getInputStream(), to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            // one side has gone
        }
    }

    private static void copy(InputStream from, OutputStream to) throws IOException {
        from.transferTo(to);
    }

    @Override
    public void close() {
        try {
            server.close();
            for (var socket : open) {
                socket.close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.shutdownNow();
    }
}
