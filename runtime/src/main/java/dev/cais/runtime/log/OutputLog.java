package dev.cais.runtime.log;

import dev.cais.ConflictException;
import dev.cais.InvalidSpecException;
import dev.cais.LogConfig;
import dev.cais.LogForwarding;
import dev.cais.LogLine;
import dev.cais.LogOrigin;
import dev.cais.LogSink;
import dev.cais.LogStatus;
import dev.cais.LogStream;
import dev.cais.Logs;
import dev.cais.StorageException;
import dev.cais.linux.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a container, or one process beside it, writes to its two streams: appended by the event loop, kept as its driver says.
 *
 * <p>The log goes on over the runs of a container: each begins with {@link #begin} and ends with {@link #complete}.
 */
public final class OutputLog implements AutoCloseable {
    /** Free bytes before the content of a buffer that is appended. */
    public static final int HEADER = 16;

    /** As Docker's {@code local}. */
    private static final Rotation LOCAL = new Rotation(20_000_000, 5);

    private static final Set<String> LOCAL_OPTIONS = Set.of("max-size", "max-file");
    private static final Set<String> JSON_OPTIONS = Set.of("max-size", "max-file", "labels", "env", "tag");
    private static final Set<String> CACHE_OPTIONS = Set.of("cache-max-size", "cache-max-file");

    /** How long a removal waits for consumers and sinks that make progress. */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final String driver;
    private final String name;
    /** What {@link #logs} reads. */
    private final @Nullable LogFile kept;
    /** What is appended to: the kept one, and another one if results are taken from it. */
    private final List<LogFile> files;

    private final @Nullable LogSink sink;
    private @Nullable Forwarding sending;
    private final List<Forwarding> forwardings = new CopyOnWriteArrayList<>();
    private final AtomicLongArray totals = new AtomicLongArray(LogStream.values().length);
    private boolean closed;

    private OutputLog(String driver, String name, @Nullable LogFile kept, List<LogFile> files, @Nullable LogSink sink) {
        this.driver = driver;
        this.name = name;
        this.kept = kept;
        this.files = files;
        this.sink = sink;
    }

    /** All that one process writes, for its result. */
    public static OutputLog captured(String name, Path path) {
        var file = new LogFile(path, new ChunkFormat(), Rotation.NEVER);
        return new OutputLog("local", name, file, List.of(file), null);
    }

    /**
     * The log of a container.
     *
     * @param directory of the container
     * @param captures whether {@link #read} gives all that was written, whatever the driver keeps
     * @throws InvalidSpecException if there is no such driver, or it does not know an option
     */
    public static OutputLog of(
            Path directory, LogOrigin origin, LogConfig config, LogDrivers drivers, boolean captures) {
        var name = origin.name();
        var options = new HashMap<>(config.options());
        switch (config.driver()) {
            case "none" -> {
                new LogOptions("none", origin, options, Set.of());
                return new OutputLog("none", name, null, captures ? List.of(capture(directory)) : List.of(), null);
            }
            case "json-file" -> {
                var checked = new LogOptions("json-file", origin, options, JSON_OPTIONS);
                var attributes = checked.attributes();
                if (options.containsKey("tag")) {
                    attributes.put("tag", checked.tag(""));
                }
                var file = new LogFile(
                        directory.resolve(origin.id() + "-json.log"),
                        new JsonFormat(attributes),
                        checked.rotation("", Rotation.NEVER));
                return new OutputLog(
                        "json-file", name, file, captures ? List.of(capture(directory), file) : List.of(file), null);
            }
            case "local" -> {
                var rotation = new LogOptions("local", origin, options, LOCAL_OPTIONS).rotation("", LOCAL);
                var file = local(directory, captures ? Rotation.NEVER : rotation);
                return new OutputLog("local", name, file, List.of(file), null);
            }
            default -> {
                var found = drivers.get(config.driver(), name);
                var cache = new HashMap<>(options);
                cache.keySet().retainAll(CACHE_OPTIONS);
                options.keySet().removeAll(CACHE_OPTIONS);
                var rotation = new LogOptions(config.driver(), origin, cache, CACHE_OPTIONS).rotation("cache-", LOCAL);
                var file = local(directory, captures ? Rotation.NEVER : rotation);
                return new OutputLog(
                        config.driver(), name, file, List.of(file), found.open(origin, Map.copyOf(options)));
            }
        }
    }

    private static LogFile local(Path directory, Rotation rotation) {
        return new LogFile(directory.resolve("log"), new ChunkFormat(), rotation);
    }

    private static LogFile capture(Path directory) {
        return new LogFile(directory.resolve("captured"), new ChunkFormat(), Rotation.NEVER);
    }

    /** A run begins. */
    public void begin() {
        synchronized (this) {
            if (sink != null && sending == null && kept != null && !closed) {
                var query =
                        new Selection.Query(LogFile.Extent.ALL, Long.MIN_VALUE, Long.MAX_VALUE, -1, Optional.empty());
                sending = new Forwarding(name, kept, query, new ToSink(sink)).start();
            }
        }
        files.forEach(LogFile::begin);
    }

    /**
     * Appends what was read. By one thread at a time; does not block, but for the disk.
     *
     * @param buffer {@link #HEADER} free bytes, then the content
     * @param length of the content, at least 1
     */
    public void append(LogStream stream, NativeMemory buffer, int length) {
        totals.lazySet(stream.ordinal(), totals.get(stream.ordinal()) + length);
        var now = Instant.now();
        var nanos = now.getEpochSecond() * 1_000_000_000L + now.getNano();
        for (var i = 0; i < files.size(); i++) {
            files.get(i).append(nanos, stream, buffer, length);
        }
    }

    /** The run has ended, all its output was appended. By the appending thread. */
    public void complete() {
        files.forEach(LogFile::complete);
    }

    /** Bytes that one stream has had so far. */
    public long total(LogStream stream) {
        return totals.get(stream.ordinal());
    }

    /**
     * Reads all that was written, from the start.
     *
     * @param follow whether it waits for more until the run has ended
     * @throws ConflictException if nothing is kept
     */
    public LogReader read(boolean follow) {
        var file = files.isEmpty() ? readable() : files.get(0);
        return LogReader.of(
                file, file.marks().get(0), follow ? LogFile.Extent.RUN : LogFile.Extent.NOW, Long.MAX_VALUE);
    }

    /** @throws StorageException if some of the output could not be kept */
    public void requireWhole() {
        files.get(0).failure().ifPresent(why -> {
            throw why;
        });
    }

    /** The log as callers read it. */
    public Logs logs() {
        return new LogView(this, Selection.Query.ALL);
    }

    /** @throws ConflictException if nothing is kept */
    LogFile readable() {
        if (kept == null) {
            throw new ConflictException(
                    "cannot read the log of " + name + ": its log driver none keeps nothing",
                    "choose another one in its spec");
        }
        return kept;
    }

    synchronized LogForwarding forward(Selection.Query query, Consumer<? super LogLine> consumer) {
        var file = readable();
        if (closed) {
            throw new ConflictException("cannot forward the log of " + name + ": its container is removed");
        }
        forwardings.removeIf(Forwarding::hasEnded);
        var all = new Selection.Query(LogFile.Extent.ALL, query.since(), query.until(), query.tail(), query.stream());
        var forwarding = new Forwarding(name, file, all, new ToConsumer(consumer)).start();
        forwardings.add(forwarding);
        return forwarding;
    }

    synchronized LogStatus status() {
        return new LogStatus(
                driver,
                Optional.ofNullable(kept).map(LogFile::path),
                total(LogStream.STDOUT),
                total(LogStream.STDERR),
                kept == null ? 0 : kept.lost(),
                sending == null ? 0 : sending.delivered(),
                sending == null ? 0 : sending.failed(),
                sending == null ? 0 : sending.missed(),
                problem());
    }

    private String problem() {
        if (sending != null && !sending.problem().isEmpty()) {
            return sending.problem();
        }
        return kept == null
                ? ""
                : kept.failure().map(StorageException::getMessage).orElse("");
    }

    /** Ends all that read it, and waits a moment for those that have not had all yet. The files are still there. Idempotent. */
    @Override
    public void close() {
        Forwarding sender;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            sender = sending;
        }
        files.forEach(LogFile::end);
        forwardings.forEach(forwarding -> forwarding.finish(PATIENCE));
        if (sender != null) {
            sender.finish(PATIENCE);
        } else if (sink != null) {
            new ToSink(sink).end();
        }
    }

    /** Closes it and removes its files. */
    public void delete() {
        close();
        for (var file : files) {
            for (var path : file.paths()) {
                try {
                    Files.deleteIfExists(path);
                } catch (IOException e) {
                    throw new StorageException("cannot remove " + path + ": " + e.getMessage(), Map.of(), "", e);
                }
            }
        }
    }
}
