package dev.cais.runtime.build;

import dev.cais.CancelledException;
import dev.cais.image.layer.TarEntry;
import dev.cais.image.layer.TarType;
import dev.cais.image.layer.TarWriter;
import dev.cais.linux.NativeMemory;
import dev.cais.storage.Attributes;
import dev.cais.storage.BlobWriter;
import dev.cais.storage.FileContent;
import dev.cais.storage.FileOperations;
import dev.cais.storage.FileSink;
import dev.cais.storage.NodeType;
import dev.cais.storage.Store;
import dev.cais.storage.TreeScan;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;

/**
 * Carries out a {@link LayerPlan}: writes its files into a directory and into a tar, reading each once. Several threads write files and
 * make parts of the tar of them, which go into it in their order; at most a few parts are in memory. A file that is larger than a
 * part is written by the thread that puts them together.
 */
final class LayerWriting implements AutoCloseable {
    private static final int PART = 512 * 1024;
    private static final int MOST_IN_A_PART = 128;
    private static final int CHUNK = 64 * 1024;
    private static final int MOST_THREADS = 4;
    private static final byte[] NONE = {};

    private final LayerPlan plan;
    private final Path directory;
    private final Store store;
    private final EarlierLayer earlier;
    private final Queue<ByteArrayOutputStream> buffers = new ConcurrentLinkedQueue<>();
    private final Queue<Hand> hands = new ConcurrentLinkedQueue<>();

    /** Where in the tar the content of each item begins; in a part that is not in it yet, counted from the part's begin. */
    private final long[] places;

    /** @param number in the plan's order */
    private record Placed(int number, byte[] path, LayerPlan.Item item) {
        /** In bytes. */
        long size() {
            if (item instanceof LayerPlan.Copy copy) {
                return copy.entry().isFile() ? copy.entry().size() : 0;
            }
            return item instanceof LayerPlan.Small small ? small.content().length : 0;
        }
    }

    private LayerWriting(LayerPlan plan, Path directory, Store store, EarlierLayer earlier) {
        this.plan = plan;
        this.directory = directory;
        this.store = store;
        this.earlier = earlier;
        this.places = new long[plan.items().size()];
    }

    /**
     * Writes a plan.
     *
     * @param directory empty, seen by nobody else
     * @param tar is given what {@link dev.cais.image.layer.TarTree} would make of the directory
     * @param earlier whose files need not be written once more
     * @return where in the tar the content of each item begins, in the plan's order
     * @throws dev.cais.BuildException if a file has changed since it was found
     * @throws CancelledException if the thread is interrupted
     */
    static long[] write(LayerPlan plan, Path directory, Store store, BlobWriter tar, EarlierLayer earlier) {
        try (var writing = new LayerWriting(plan, directory, store, earlier)) {
            writing.write(tar);
            return writing.places;
        }
    }

    private void write(BlobWriter tar) {
        putDirectories(LayerWriting::bare); // each is there before its files, whichever thread writes them
        var count = Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
        try (var threads = new InOrder<ByteArrayOutputStream>("cais-build-copy", count, "cannot copy files")) {
            putFiles(threads, tar);
        }
        tar.write(TarWriter.end(), 0, TarWriter.end().length);
        close();
        putDirectories(UnaryOperator.identity()); // they have other times by now
    }

    /** Without access control lists, which files would inherit. */
    private static Attributes bare(Attributes own) {
        return new Attributes(own.uid(), own.gid(), own.mode(), own.modified(), own.accessed(), List.of());
    }

    private void putDirectories(UnaryOperator<Attributes> change) {
        try (var files = store.files(directory)) {
            plan.items().forEach((path, item) -> {
                if (item instanceof LayerPlan.Directory made) {
                    files.directory(path, change.apply(made.attributes()));
                }
            });
        }
    }

    private void putFiles(InOrder<ByteArrayOutputStream> ahead, BlobWriter tar) {
        var underWay = new ArrayDeque<List<Placed>>();
        for (var part : parts()) {
            if (part.get(0).size() > PART) {
                while (ahead.size() > 0) {
                    append(tar, underWay.remove(), ahead.take());
                }
                hand(hand -> hand.putLarge(part.get(0), tar));
                continue;
            }
            underWay.add(part);
            ahead.submit(() -> {
                var bytes = free();
                hand(hand -> hand.put(part, bytes));
                return bytes;
            });
            if (ahead.size() > 2 * MOST_THREADS) {
                append(tar, underWay.remove(), ahead.take());
            }
        }
        while (ahead.size() > 0) {
            append(tar, underWay.remove(), ahead.take());
        }
    }

    /** Neighbours that are written together. What is larger than a part stands alone. */
    private List<List<Placed>> parts() {
        var parts = new ArrayList<List<Placed>>();
        List<Placed> part = new ArrayList<>();
        var size = 0L;
        var number = 0;
        for (var each : plan.items().entrySet()) {
            var placed = new Placed(number++, each.getKey(), each.getValue());
            if (!part.isEmpty() && (size + placed.size() > PART || part.size() == MOST_IN_A_PART)) {
                parts.add(part);
                part = new ArrayList<>();
                size = 0;
            }
            part.add(placed);
            size += placed.size();
        }
        if (!part.isEmpty()) {
            parts.add(part);
        }
        return parts;
    }

    private ByteArrayOutputStream free() {
        var known = buffers.poll();
        return known == null ? new ByteArrayOutputStream(PART + PART / 4) : known;
    }

    private void append(BlobWriter tar, List<Placed> part, ByteArrayOutputStream bytes) {
        part.forEach(placed -> places[placed.number()] += tar.size());
        try {
            bytes.writeTo(tar);
            bytes.reset();
            buffers.add(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // a blob has other exceptions
        }
    }

    private interface Handwork {
        void carryOut(Hand hand);
    }

    private void hand(Handwork work) {
        var free = hands.poll();
        var hand = free == null ? new Hand() : free;
        try {
            work.carryOut(hand);
        } finally {
            hands.add(hand);
        }
    }

    @Override
    public void close() {
        for (var hand = hands.poll(); hand != null; hand = hands.poll()) {
            hand.close();
        }
    }

    /** Writes files, one after the other. */
    private final class Hand implements AutoCloseable {
        private final FileOperations files = store.files(directory);
        private final Map<FileSource, TreeScan> scans = new HashMap<>();
        private final byte[] chunk = new byte[CHUNK];
        private final NativeMemory old = NativeMemory.allocate(CHUNK);
        private final ByteArrayOutputStream header = new ByteArrayOutputStream();

        void put(List<Placed> part, ByteArrayOutputStream bytes) {
            var tar = new TarWriter(bytes);
            for (var each : part) {
                if (each.item() instanceof LayerPlan.Directory made) {
                    header(tar, TarType.DIRECTORY, each.path(), NONE, 0, made.attributes());
                } else if (each.item() instanceof LayerPlan.Small small) {
                    header(tar, TarType.FILE, each.path(), NONE, small.content().length, small.attributes());
                    bytes.writeBytes(small.content());
                    padding(tar, small.content().length);
                    try (var sink = files.file(each.path(), small.attributes())) {
                        sink.write(small.content(), 0, small.content().length);
                        sink.finish();
                    }
                } else if (each.item() instanceof LayerPlan.Copy copy) {
                    put(tar, bytes, each, copy);
                }
            }
        }

        private void put(TarWriter tar, ByteArrayOutputStream bytes, Placed placed, LayerPlan.Copy copy) {
            var path = placed.path();
            var entry = copy.entry();
            if (entry.isFile()) {
                putFile(tar, bytes, placed, copy, bytes::size);
                return;
            }
            var source = copy.source();
            var attributes = plan.stamp().of(entry, source.xattrs(scan(source), entry));
            if (entry.isLink()) {
                header(tar, TarType.SYMLINK, path, entry.target(), 0, attributes);
                files.symlink(path, entry.target(), attributes);
            } else {
                header(tar, TarType.FIFO, path, NONE, 0, attributes);
                files.node(path, NodeType.FIFO, 0, 0, attributes);
            }
        }

        private TreeScan scan(FileSource source) {
            return scans.computeIfAbsent(source, FileSource::anotherScan);
        }

        void putLarge(Placed large, BlobWriter target) {
            if (large.item() instanceof LayerPlan.Copy copy) {
                putFile(new TarWriter(target), target, large, copy, target::size);
            } else {
                var bytes = new ByteArrayOutputStream();
                put(List.of(large), bytes);
                target.write(bytes.toByteArray(), 0, bytes.size());
            }
        }

        /** @param written how much of the tar, or of the part, there is */
        private void putFile(
                TarWriter tar, OutputStream bytes, Placed placed, LayerPlan.Copy copy, LongSupplier written) {
            var path = placed.path();
            var source = copy.source();
            var entry = copy.entry();
            var usual = plan.stamp().of(entry, List.of());
            var isShared = !source.hasOwners() && earlier.share(files, path, copy, usual);
            if (isShared && putShared(tar, bytes, placed, entry.size(), usual, written)) {
                return; // what the key speaks of, whatever the file holds by now
            }
            var scan = scan(source);
            var isSame = scan.read(entry, (file, content) -> {
                var attributes = plan.stamp().of(entry, source.xattrs(scan, file, entry));
                header(tar, TarType.FILE, path, NONE, entry.size(), attributes);
                places[placed.number()] = written.getAsLong();
                if (isShared) {
                    transfer(content, Optional.empty(), bytes);
                } else {
                    try (var sink = files.file(path, attributes)) {
                        transfer(content, Optional.of(sink), bytes);
                        sink.finish();
                    }
                }
                padding(tar, entry.size());
            });
            if (!isSame && !source.hasOwners()) { // a stage does not change
                throw source.changed();
            }
        }

        /** Without opening the file, if the earlier layer's tar has it. */
        private boolean putShared(
                TarWriter tar,
                OutputStream bytes,
                Placed placed,
                long size,
                Attributes attributes,
                LongSupplier written) {
            header.reset();
            header(new TarWriter(header), TarType.FILE, placed.path(), NONE, size, attributes);
            if (!earlier.read(placed.path(), header.toByteArray(), size, old)) {
                return false;
            }
            try {
                header.writeTo(bytes);
                places[placed.number()] = written.getAsLong();
                old.bytes().get(header.size(), chunk, 0, (int) size);
                bytes.write(chunk, 0, (int) size);
            } catch (IOException e) {
                throw new UncheckedIOException(e); // none of these streams has any
            }
            padding(tar, size);
            return true;
        }

        private void transfer(FileContent content, Optional<FileSink> sink, OutputStream bytes) {
            try (var in = content.stream()) {
                for (var count = in.read(chunk); count >= 0; count = in.read(chunk)) {
                    if (sink.isPresent()) {
                        sink.get().write(chunk, 0, count);
                    }
                    bytes.write(chunk, 0, count);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e); // none of these streams has any
            }
        }

        private void header(TarWriter tar, TarType type, byte[] path, byte[] link, long size, Attributes attributes) {
            try {
                tar.writeHeader(new TarEntry(type, path, link, size, attributes, 0, 0));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private void padding(TarWriter tar, long size) {
            try {
                tar.writePadding(size);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void close() {
            files.close();
        }
    }
}
