package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.image.oci.Hash;
import dev.cais.linux.Fd;
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
    private final Map<String, byte[]> contents;

    private EarlierLayer(@Nullable Fd tree, Map<String, byte[]> contents) {
        this.tree = tree;
        this.contents = contents;
    }

    /** One that has nothing if there is none, or no longer. */
    static EarlierLayer find(Store store, Optional<Digest> layer) {
        return layer.flatMap(diffId -> open(store, diffId)).orElseGet(() -> new EarlierLayer(null, Map.of()));
    }

    private static Optional<EarlierLayer> open(Store store, Digest layer) {
        var contents = store.builds().note(note(layer)).map(EarlierLayer::parse).orElse(Map.of());
        if (contents.isEmpty()) {
            return Optional.empty();
        }
        try (var hold = store.lockShared()) {
            return store.layers()
                    .find(layer)
                    .map(tree -> new EarlierLayer(Workplace.open("cannot copy files", tree), contents));
        }
    }

    /** Notes what the files of a layer hold that was written by a plan. */
    static void remember(Store store, Digest layer, LayerPlan plan) {
        var note = new ByteArrayOutputStream();
        plan.items().forEach((path, item) -> {
            if (item instanceof LayerPlan.Copy copy && isShared(path)) {
                copy.source().known(copy.entry()).ifPresent(content -> {
                    note.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                            .putInt(path.length)
                            .array());
                    note.writeBytes(path);
                    note.writeBytes(content);
                });
            }
        });
        if (note.size() > 0) {
            store.builds().putNote(note(layer), note.toByteArray());
        }
    }

    private static Map<String, byte[]> parse(byte[] note) {
        var contents = new HashMap<String, byte[]>();
        var bytes = ByteBuffer.wrap(note);
        try {
            while (bytes.hasRemaining()) {
                var path = new byte[Math.max(0, Math.min(bytes.getInt(), bytes.remaining()))];
                bytes.get(path);
                var hash = new byte[HASH];
                bytes.get(hash);
                contents.put(text(path), hash);
            }
            return contents;
        } catch (BufferUnderflowException e) {
            return Map.of(); // half written by a host that lost its power
        }
    }

    private static Digest note(Digest layer) {
        return Hash.sha256(("files of a layer\n" + layer).getBytes(StandardCharsets.UTF_8));
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
                        .filter(content -> Arrays.equals(content, there))
                        .isPresent()
                && files.share(path, tree, attributes, copy.entry().size());
    }

    @Override
    public void close() {
        if (tree != null) {
            tree.close();
        }
    }
}
