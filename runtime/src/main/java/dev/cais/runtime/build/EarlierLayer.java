package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.image.oci.Hash;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.NativeMemory;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.Store;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The layer that a step made the last time. What the next one has of it, with the same content and the same attributes, becomes another
 * name of the file that is there: nobody changes files of layers in place. What they hold is known from a note, by the layer's
 * diff ID, so none of them is read. If the layer goes meanwhile, the files are written as ever. For many threads.
 *
 * <p>A container sees how many names such a file has. Programs that mind are those that would be fooled by a second name: cron
 * refuses such tables, mail programs such spool files. They look in {@code /etc} and {@code /var}, where each layer has its own
 * files therefore.
 */
final class EarlierLayer implements AutoCloseable {
    private static final int HASH = 32;

    private final @Nullable Fd tree;
    private final Optional<Fd> tar;
    private final Map<String, Held> contents;

    /**
     * What a file of the layer holds.
     *
     * @param place where it begins in the layer's tar
     */
    private record Held(byte[] hash, long place) {}

    private EarlierLayer(@Nullable Fd tree, Optional<Fd> tar, Map<String, Held> contents) {
        this.tree = tree;
        this.tar = tar;
        this.contents = contents;
    }

    /** One that has nothing if there is none, or no longer. */
    static EarlierLayer find(Store store, Optional<Digest> layer) {
        return layer.flatMap(diffId -> open(store, diffId))
                .orElseGet(() -> new EarlierLayer(null, Optional.empty(), Map.of()));
    }

    private static Optional<EarlierLayer> open(Store store, Digest layer) {
        var contents = store.builds().note(note(layer)).map(EarlierLayer::parse).orElse(Map.of());
        if (contents.isEmpty()) {
            return Optional.empty();
        }
        try (var hold = store.lockShared()) {
            return store.layers()
                    .find(layer)
                    .map(tree -> new EarlierLayer(
                            Workplace.open("cannot copy files", tree), openTar(store, layer), contents));
        }
    }

    /** A layer of a build is stored as it is, under its diff ID. */
    private static Optional<Fd> openTar(Store store, Digest layer) {
        return store.blobs().find(layer).map(blob -> {
            try (var scratch = Scratch.frame()) {
                var opened = Syscalls.call(
                        Syscall.OPENAT, Abi.AT_FDCWD, scratch.path(blob.toString()), Abi.O_RDONLY | Abi.O_CLOEXEC);
                return Fd.of(Syscalls.checked("cannot copy files: it cannot open " + blob, Syscall.OPENAT, opened));
            }
        });
    }

    /**
     * Notes what the files of a layer hold that was written by a plan.
     *
     * @param places where in its tar the content of each item begins, in the plan's order
     */
    static void remember(Store store, Digest layer, LayerPlan plan, long[] places) {
        var note = new ByteArrayOutputStream();
        var number = new AtomicInteger();
        plan.items().forEach((path, item) -> {
            var place = places[number.getAndIncrement()];
            if (item instanceof LayerPlan.Copy copy && isShared(path)) {
                copy.source().known(copy.entry()).ifPresent(content -> {
                    note.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                            .putInt(path.length)
                            .array());
                    note.writeBytes(path);
                    note.writeBytes(content);
                    note.writeBytes(
                            ByteBuffer.allocate(Long.BYTES).putLong(place).array());
                });
            }
        });
        if (note.size() > 0) {
            store.builds().putNote(note(layer), note.toByteArray());
        }
    }

    private static Map<String, Held> parse(byte[] note) {
        var contents = new HashMap<String, Held>();
        var bytes = ByteBuffer.wrap(note);
        try {
            while (bytes.hasRemaining()) {
                var path = new byte[Math.max(0, Math.min(bytes.getInt(), bytes.remaining()))];
                bytes.get(path);
                var hash = new byte[HASH];
                bytes.get(hash);
                contents.put(text(path), new Held(hash, bytes.getLong()));
            }
            return contents;
        } catch (BufferUnderflowException e) {
            return Map.of(); // half written by a host that lost its power
        }
    }

    private static Digest note(Digest layer) {
        return Hash.sha256(("files of a layer and their places\n" + layer).getBytes(StandardCharsets.UTF_8));
    }

    private static boolean isShared(byte[] path) {
        var name = text(path);
        return !name.startsWith("etc/") && !name.startsWith("var/");
    }

    /** Byte by byte, so that different names stay different. */
    private static String text(byte[] path) {
        return new String(path, StandardCharsets.ISO_8859_1);
    }

    /** Whether a file need not be written, since the earlier layer's now stands there. */
    boolean share(FileOperations files, byte[] path, LayerPlan.Copy copy, Attributes attributes) {
        var there = contents.get(text(path));
        return tree != null
                && there != null
                && copy.source()
                        .known(copy.entry())
                        .filter(content -> Arrays.equals(content, there.hash))
                        .isPresent()
                && files.share(path, tree, attributes, copy.entry().size());
    }

    /**
     * Finds a shared file's content in the layer's tar: it takes less time to read it there than to open a small file.
     *
     * @param header that stands before it in the new tar; if another does in the old one, the note has it wrong
     * @param buffer what does not fit in is not found
     * @return whether the header is at the buffer's begin, and the content behind it
     */
    boolean read(byte[] path, byte[] header, long size, NativeMemory buffer) {
        var there = contents.get(text(path));
        var length = header.length + size;
        if (tar.isEmpty() || there == null || there.place < header.length || length > buffer.size()) {
            return false;
        }
        var from = there.place - header.length;
        var count = Syscalls.call(Syscall.PREAD64, tar.get().number(), buffer.address(), length, from);
        return count == length && buffer.bytes().slice(0, header.length).equals(ByteBuffer.wrap(header));
    }

    @Override
    public void close() {
        if (tree != null) {
            tree.close();
        }
        tar.ifPresent(Fd::close);
    }
}
