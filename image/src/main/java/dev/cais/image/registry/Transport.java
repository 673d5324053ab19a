package dev.cais.image.registry;

import dev.cais.RegistryException;
import dev.cais.RegistryOptions;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.apache.commons.io.IOUtils;

/**
 * Sends requests, each as it is: no redirect is followed, nothing is added but what HTTP needs. HTTP/1.1, so that each layer has
 * a connection of its own; idle ones are kept until the transport is closed.
 *
 * <p>The JDK's client cannot be closed before Java 21. Its thread ends, and closes all connections, when it is interrupted; it
 * is found by its thread group, which is that of the thread that made the client.
 */
final class Transport implements AutoCloseable {
    private static final String THREAD = "cais-registry";
    private static final String TUNNELS = "jdk.http.auth.tunneling.disabledSchemes";
    private static final int PROXY_REFUSED = 407;

    private final RegistryOptions options;
    private final Certificates certificates;
    private final Proxies proxies;
    private final ThreadGroup group = new ThreadGroup(THREAD);
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        var thread = new Thread(group, task, THREAD);
        thread.setDaemon(true);
        return thread;
    });
    /** By registry, for those with a client certificate; that of all others has an empty name. */
    private final Map<String, HttpClient> clients = new HashMap<>();

    private boolean closed;

    Transport(RegistryOptions options) {
        this.options = options;
        this.certificates = new Certificates(options);
        this.proxies = new Proxies(options, System.getenv());
    }

    RegistryOptions options() {
        return options;
    }

    boolean hasProxyTo(URI url) {
        return proxies.to(url).isPresent();
    }

    /** Sends a request that carries nothing, or little. */
    Response send(String registry, Request request, Task task) throws IOException {
        return send(registry, request, count -> {}, task);
    }

    /**
     * Sends a request, and waits for the head of the answer. That is taken as it comes, not from the client's own future: that one
     * fails if the connection breaks soon, and what had come until then would be lost.
     *
     * @param registry whose client certificate may be shown; empty for none
     * @param sent is told how many more bytes of the content were read, in whatever thread
     * @throws RegistryException if the engine is offline
     * @throws IOException if the server cannot be reached, breaks off or stalls
     * @throws dev.cais.CancelledException if the thread is interrupted
     * @throws dev.cais.TimedOutException if the task's time is over
     */
    Response send(String registry, Request request, LongConsumer sent, Task task) throws IOException {
        if (options.offline()) {
            throw new RegistryException(
                    task.cannot() + ": the engine is offline", "pull it while online, or load an archive");
        }
        var uploaded = new AtomicLong();
        var body = new Body(request.content(), count -> {
            uploaded.addAndGet(count);
            sent.accept(count);
        });
        var builder = HttpRequest.newBuilder(request.url()).method(request.method(), body.publisher());
        request.headers().forEach(builder::setHeader);
        builder.setHeader("User-Agent", "cais");
        var way = proxies.to(request.url());
        way.flatMap(Proxies.Way::credentials).ifPresent(known -> {
            requireTunnelsWithPasswords(request, way.get(), task);
            builder.setHeader("Proxy-Authorization", Authentication.basic(known.user(), known.password()));
        });
        var stall = options.stallTimeout();
        var answer = new CompletableFuture<Response>();
        var future = client(registry).sendAsync(builder.build(), head -> {
            var content = new ResponseBody(stall, task);
            answer.complete(new Response(head.statusCode(), head.headers(), request.url(), content));
            return content;
        });
        var unusedFuture = future.whenComplete((response, failure) -> {
            if (failure == null) {
                var nothing = new ResponseBody(stall, task); // for a tunnel that a proxy refuses there is no body
                nothing.onComplete();
                answer.complete(new Response(response.statusCode(), response.headers(), request.url(), nothing));
            } else if (!answer.completeExceptionally(failure)) {
                var unusedEnd = answer.thenAccept(given -> given.body().onError(failure));
            }
        });
        var isDone = false;
        try {
            var before = -1L;
            while (true) {
                try {
                    var response = answer.get(task.nanos(stall), TimeUnit.NANOSECONDS);
                    isDone = true;
                    if (response.status() == PROXY_REFUSED && way.isPresent()) {
                        response.close();
                        throw refused(way.get(), task);
                    }
                    return response;
                } catch (TimeoutException e) {
                    task.nanos(stall);
                    if (uploaded.get() == before) {
                        throw new StalledException(stall);
                    }
                    before = uploaded.get();
                }
            }
        } catch (InterruptedException e) {
            throw task.interrupted();
        } catch (ExecutionException e) {
            isDone = true;
            throw e.getCause() instanceof IOException failed ? failed : new IOException(e.getCause());
        } finally {
            if (!isDone) {
                future.cancel(true);
                var unusedLate = answer.thenAccept(Response::close);
            }
            body.close();
        }
    }

    private static RegistryException refused(Proxies.Way way, Task task) {
        var isKnown = way.credentials().isPresent();
        return new RegistryException(
                task.cannot() + ": the proxy " + way.shown() + " refused "
                        + (isKnown ? "the credentials" : "a caller without credentials"),
                Map.of("status", PROXY_REFUSED),
                isKnown
                        ? "pass others"
                        : "pass them with RegistryOptions.credentials(\"" + way.shown() + "\", Credentials.basic(…))");
    }

    /** The JDK leaves out a password for a tunnel, unless the whole JVM is told not to. */
    private static void requireTunnelsWithPasswords(Request request, Proxies.Way way, Task task) {
        var isForbidden = Stream.of(System.getProperty(TUNNELS, "Basic").split(",", -1))
                .anyMatch(scheme -> scheme.strip().equalsIgnoreCase("Basic"));
        if (isForbidden && "https".equalsIgnoreCase(request.url().getScheme())) {
            throw new RegistryException(
                    task.cannot() + ": this JVM sends no password to the proxy " + way.shown()
                            + " for a tunnel to an HTTPS registry",
                    Map.of(),
                    "start it with -D" + TUNNELS + "=");
        }
    }

    /** What a request carries. Its streams are closed with it: the JDK's client forgets those of a request that breaks. */
    private static final class Body {
        private final Optional<Request.Content> content;
        private final LongConsumer sent;
        private final List<InputStream> open = new ArrayList<>();
        private boolean closed;

        Body(Optional<Request.Content> content, LongConsumer sent) {
            this.content = content.filter(carried -> carried.length() > 0);
            this.sent = sent;
        }

        HttpRequest.BodyPublisher publisher() {
            return content.map(carried -> HttpRequest.BodyPublishers.fromPublisher(
                            HttpRequest.BodyPublishers.ofInputStream(() -> open(carried)), carried.length()))
                    .orElseGet(HttpRequest.BodyPublishers::noBody);
        }

        private synchronized InputStream open(Request.Content carried) {
            if (closed) {
                return InputStream.nullInputStream();
            }
            var stream = new Counted(carried.source().get(), sent);
            open.add(stream);
            return stream;
        }

        synchronized void close() {
            closed = true;
            open.forEach(IOUtils::closeQuietly);
        }
    }

    /** Tells how much of it was read. */
    private static final class Counted extends java.io.FilterInputStream {
        private final LongConsumer counter;

        Counted(InputStream source, LongConsumer counter) {
            super(source);
            this.counter = counter;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            var count = in.read(bytes, offset, length);
            if (count > 0) {
                counter.accept(count);
            }
            return count;
        }
    }

    private synchronized HttpClient client(String registry) {
        if (closed) {
            throw new RegistryException("cannot speak to a registry: the engine is closed", "open another one");
        }
        var name = options.clientCertificates().containsKey(registry) ? registry : "";
        return clients.computeIfAbsent(name, this::newClient);
    }

    private HttpClient newClient(String registry) {
        var builder = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(options.connectTimeout())
                .proxy(proxies)
                .executor(threads);
        certificates.context(registry).ifPresent(builder::sslContext);
        var made = new HttpClient[1];
        var maker = new Thread(group, () -> made[0] = builder.build(), THREAD);
        maker.start();
        joinAll(Optional.of(maker));
        return made[0];
    }

    private static void joinAll(Optional<Thread> thread) {
        var interrupted = false;
        while (thread.isPresent() && thread.get().isAlive()) {
            try {
                thread.get().join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Closes all connections. What is under way fails. Repeating is harmless. */
    @Override
    public synchronized void close() {
        closed = true;
        threads.shutdownNow();
        if (!clients.isEmpty()) {
            group.interrupt();
            awaitEnd(Duration.ofSeconds(5));
            clients.clear();
        }
    }

    private void awaitEnd(Duration atMost) {
        var end = System.nanoTime() + atMost.toNanos();
        var interrupted = false;
        while (group.activeCount() > 0 && System.nanoTime() < end) {
            try {
                Thread.sleep(1);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
