package dev.cais.image.registry;

import static dev.cais.image.TestArchive.bytes;
import static dev.cais.image.TestArchive.sha256;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/** A registry on loopback that answers what a test tells it to. */
public final class HostileRegistry implements AutoCloseable {
    /** Answers a request. */
    public interface Answer {
        void give(HttpExchange exchange) throws IOException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<String, Answer> answers = new ConcurrentHashMap<>();
    private final Map<String, Answer> methods = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    final AtomicLong sent = new AtomicLong();

    public HostileRegistry() {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    public String address() {
        return "127.0.0.1:" + server.getAddress().getPort();
    }

    String url(String path) {
        return "http://" + address() + path;
    }

    /** Method, path and the Authorization header of each request so far. */
    List<String> requests() {
        return new ArrayList<>(requests);
    }

    long count(String methodAndPath) {
        return requests.stream()
                .filter(request -> request.startsWith(methodAndPath))
                .count();
    }

    private void handle(HttpExchange exchange) throws IOException {
        var path = exchange.getRequestURI().getPath();
        var authorization = exchange.getRequestHeaders().getFirst("Authorization");
        requests.add(exchange.getRequestMethod() + " " + path + " " + authorization);
        try (exchange) {
            var answer = answers.getOrDefault(path, methods.get(exchange.getRequestMethod()));
            if (answer == null) {
                exchange.sendResponseHeaders(404, -1);
            } else {
                answer.give(exchange);
            }
        } catch (IOException e) {
            // the client has gone, or was cut off
        }
    }

    HostileRegistry on(String path, Answer answer) {
        answers.put(path, answer);
        return this;
    }

    /** For all requests of a method that have no answer by their path. */
    HostileRegistry onAny(String method, Answer answer) {
        methods.put(method, answer);
        return this;
    }

    /** Serves {@code x:1} of one layer, all of it right. */
    public HostileRegistry image(byte[] config, byte[] layer) {
        manifest("1", dev.cais.image.TestArchive.manifest(config, layer));
        blob(config);
        return blob(layer);
    }

    public HostileRegistry manifest(String tag, byte[] manifest) {
        var type = "application/vnd.oci.image.manifest.v1+json";
        Answer answer = exchange -> {
            exchange.getResponseHeaders().add("Docker-Content-Digest", "sha256:" + sha256(manifest));
            whole(type, manifest).give(exchange);
        };
        on("/v2/x/manifests/" + tag, answer);
        return on("/v2/x/manifests/sha256:" + sha256(manifest), answer);
    }

    public HostileRegistry blob(byte[] content) {
        return on(blobPath(content), whole("application/octet-stream", content));
    }

    static String blobPath(byte[] content) {
        return "/v2/x/blobs/sha256:" + sha256(content);
    }

    static Answer status(int status, String... headers) {
        return exchange -> {
            for (var i = 0; i < headers.length; i += 2) {
                exchange.getResponseHeaders().add(headers[i], headers[i + 1]);
            }
            exchange.sendResponseHeaders(status, -1);
        };
    }

    static Answer redirect(String target) {
        return status(307, "Location", target);
    }

    static Answer text(String text) {
        return whole("text/html", bytes(text));
    }

    static Answer whole(String type, byte[] content) {
        return exchange -> {
            exchange.getResponseHeaders().add("Content-Type", type);
            if (exchange.getRequestMethod().equals("HEAD")) {
                exchange.sendResponseHeaders(200, -1);
            } else {
                exchange.sendResponseHeaders(200, content.length);
                exchange.getResponseBody().write(content);
            }
        };
    }

    /** Gives ranges, and breaks the connection after so many bytes. */
    Answer cutEvery(int most, byte[] content) {
        return exchange -> {
            var range = exchange.getRequestHeaders().getFirst("Range");
            var from = range == null ? 0 : Integer.parseInt(range.replaceAll("bytes=([0-9]+)-", "$1"));
            if (range != null) {
                exchange.getResponseHeaders()
                        .add("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
            }
            exchange.sendResponseHeaders(range == null ? 200 : 206, content.length - from);
            var part = Arrays.copyOfRange(content, from, Math.min(content.length, from + most));
            sent.addAndGet(part.length);
            exchange.getResponseBody().write(part);
            exchange.getResponseBody().flush();
        };
    }

    /** Sends the beginning, says so, and then nothing until the client goes away or the registry is closed. */
    Answer stallAfter(int most, byte[] content, Runnable stalled) {
        return exchange -> {
            exchange.sendResponseHeaders(200, content.length);
            exchange.getResponseBody().write(content, 0, most);
            exchange.getResponseBody().flush();
            sent.addAndGet(most);
            stalled.run();
            try {
                synchronized (this) {
                    while (!closed) {
                        wait();
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        };
    }

    private boolean closed;

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        server.stop(0);
        threads.shutdownNow();
    }
}
