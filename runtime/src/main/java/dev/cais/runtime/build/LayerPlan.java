package dev.cais.runtime.build;

import dev.cais.ImageLimits;
import dev.cais.linux.Fd;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileAttributes;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeScan;
import dev.cais.storage.Xattr;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * What a step will write over its layers, known before any of it is written: so that it can be written into the layer's directory itself,
 * by several threads, and its tar at the same time. A file that replaces one of the layers hides it by its name alone; a directory that is
 * there already is in the plan as it is, since the newest layer says what a merged one has.
 *
 * <p>What cannot be known beforehand, or will be refused, makes the plan incomplete: then all is to be written through a mount, and
 * whatever is wrong with it comes out there. That is when links that are written are followed by what is written next, when a
 * file meets a directory, when a file has several names, and with archives.
 */
final class LayerPlan implements CopyTarget {
    private static final String NAME = "the stage";
    private static final int MOST_LINKS = 40;

    /** What stands at a path when the plan has been carried out. */
    sealed interface Item {}

    record Directory(Attributes attributes) implements Item {}

    record Small(byte[] content, Attributes attributes) implements Item {}

    /** A regular file, a symbolic link or a fifo. */
    record Copy(FileSource source, TreeScan.Entry entry) implements Item {}

    /** What the layers have at a path. */
    private enum Below {
        NOTHING,
        DIRECTORY,
        OTHER
    }

    private final InRoot layers;
    private final Stamp stamp;
    private final NavigableMap<byte[], Item> items = new TreeMap<>(TreeScan.ORDER);
    private final Map<String, Below> known = new HashMap<>();
    private boolean whole = true;

    /** @param layers the root of what is below; of use while planning alone */
    LayerPlan(Fd layers, Stamp stamp) {
        this.layers = new InRoot(layers, NAME);
        this.stamp = stamp;
    }

    /** Whether it can be carried out as it is. */
    boolean isWhole() {
        return whole;
    }

    /** By path, each directory before what is in it. */
    NavigableMap<byte[], Item> items() {
        return Collections.unmodifiableNavigableMap(items);
    }

    Stamp stamp() {
        return stamp;
    }

    // Where paths lead to

    /** The path without links that a path leads to, by what the layers have. */
    private byte[] locate(byte[] path) {
        var at = path;
        for (var links = 0; links < MOST_LINKS; links++) {
            var followed = followFirst(at);
            if (followed.isEmpty()) {
                return at;
            }
            at = followed.get();
        }
        whole = false;
        return at;
    }

    private Optional<byte[]> followFirst(byte[] path) {
        for (var end = 1; end <= path.length; end++) {
            if (end == path.length || path[end] == '/') {
                var prefix = Arrays.copyOf(path, end);
                if (look(prefix) == Below.NOTHING) {
                    return Optional.empty();
                }
                var target = layers.followLast(prefix);
                if (!Arrays.equals(target, prefix)) {
                    var rest = Arrays.copyOfRange(path, Math.min(path.length, end + 1), path.length);
                    return Optional.of(rest.length == 0 ? target : InRoot.join(target, rest));
                }
            }
        }
        return Optional.empty();
    }

    /** The same, but a link at the end is not followed. */
    private byte[] locateItself(byte[] path) {
        return path.length == 0 ? path : InRoot.join(locate(InRoot.parent(path)), InRoot.last(path));
    }

    /** What the layers have at a path without links on its way. */
    private Below look(byte[] path) {
        var before = known.get(text(path));
        if (before != null) {
            return before;
        }
        var there = Below.DIRECTORY;
        for (var end = 1; end <= path.length; end++) {
            if (end == path.length || path[end] == '/') {
                if (there != Below.DIRECTORY) {
                    return Below.NOTHING;
                }
                var prefix = Arrays.copyOf(path, end);
                there = known.computeIfAbsent(text(prefix), name -> find(prefix));
            }
        }
        return there;
    }

    private Below find(byte[] path) {
        var there = layers.findItself(path);
        if (there.isEmpty()) {
            return Below.NOTHING;
        }
        try (var found = there.get()) {
            return InRoot.isDirectory(found) ? Below.DIRECTORY : Below.OTHER;
        }
    }

    /** Byte by byte, so that different names stay different. */
    private static String text(byte[] path) {
        return new String(path, StandardCharsets.ISO_8859_1);
    }

    private Optional<Item> planned(byte[] path) {
        for (var above = path; above.length > 0; above = InRoot.parent(above)) {
            if (items.get(above) instanceof Copy copy && copy.entry().isLink()) {
                whole = false; // it might lead elsewhere
            }
        }
        return Optional.ofNullable(items.get(path));
    }

    @Override
    public boolean isDirectory(byte[] path) {
        var at = locate(path);
        return planned(at).map(item -> item instanceof Directory).orElseGet(() -> look(at) == Below.DIRECTORY);
    }

    private boolean isThere(byte[] path) {
        var at = locate(path);
        return planned(at).isPresent() || look(at) != Below.NOTHING;
    }

    @Override
    public void requireNoFile(byte[] path) {
        if (isThere(path) && !isDirectory(path)) {
            whole = false;
        }
    }

    @Override
    public byte[] followLast(byte[] path) {
        var at = locate(path);
        planned(at);
        return at;
    }

    // What is written

    @Override
    public void requireNow() {
        whole = false;
    }

    @Override
    public void directories(byte[] path) {
        var missing = new ArrayList<byte[]>();
        for (var at = path; at.length > 0 && !isDirectory(at); at = InRoot.parent(at)) {
            missing.add(at);
        }
        Collections.reverse(missing);
        for (var each : missing) {
            requireNoFile(each);
            put(locate(each), new Directory(stamp.directory()));
        }
    }

    @Override
    public void directories(byte[] below, byte[] path, FileSource source, List<TreeScan.Entry> alike) {
        directories(below);
        var at = locate(below);
        var names = FileSource.text(path).split("/");
        for (var i = 0; i < alike.size(); i++) {
            at = InRoot.join(at, names[i].getBytes(StandardCharsets.UTF_8));
            put(at, new Directory(stamp.of(alike.get(i), source.xattrs(alike.get(i)))));
        }
    }

    @Override
    public void modified(byte[] path, Instant modified) {
        var at = locate(path);
        if (planned(at).orElse(null) instanceof Directory directory) {
            items.put(at, new Directory(stamp.modified(directory.attributes(), modified)));
        } else if (at.length > 0 && isDirectory(at)) {
            put(at, new Directory(stamp.modified(attributesBelow(at), modified)));
        } else {
            whole &= at.length == 0;
        }
    }

    @Override
    public void file(byte[] path, byte[] content, int usualMode) {
        directories(InRoot.parent(path));
        put(locateItself(path), new Small(content, stamp.file(usualMode)));
    }

    @Override
    public void copy(FileSource source, FileSource.Chosen chosen, byte[] target) {
        directories(InRoot.parent(target));
        var to = locateItself(target);
        var keepsTop = chosen.directory() && isDirectory(to);
        var files = new HashSet<String>();
        for (var entry : chosen.entries()) {
            if (entry.isFile()) {
                // another name of a file that has one already
                entry.identity().filter(identity -> !files.add(identity)).ifPresent(known -> whole = false);
            }
            var relative = chosen.relative(entry);
            var path = relative.length == 0 ? to : InRoot.join(to, relative);
            if (!entry.isDirectory()) {
                put(path, new Copy(source, entry));
            } else if (relative.length > 0 || !keepsTop) {
                put(path, new Directory(stamp.of(entry, source.xattrs(entry))));
            }
        }
    }

    @Override
    public void unpack(
            FileSource source,
            TreeScan.Entry archive,
            byte[] target,
            UnaryOperator<Attributes> change,
            ImageLimits limits) {
        whole = false;
    }

    private void put(byte[] path, Item item) {
        if (path.length == 0) {
            whole &= item instanceof Directory; // which a layer does not tell of
            return;
        }
        putParents(path);
        var isDirectory = item instanceof Directory;
        var old = items.get(path);
        var below = look(path);
        var meetsDirectory = old == null ? below == Below.DIRECTORY : old instanceof Directory;
        var meetsOther = old == null ? below == Below.OTHER : !meetsDirectory;
        if (isDirectory ? meetsOther : meetsDirectory) {
            whole = false;
        }
        if (item instanceof Directory directory && below == Below.DIRECTORY) {
            items.put(
                    path,
                    new Directory(withXattrs(
                            directory.attributes(), attributesBelow(path).xattrs())));
        } else {
            items.put(path, item);
        }
    }

    /** Directories above, as they are; those that are missing as a layer without entries for them would have them. */
    private void putParents(byte[] path) {
        for (var above = InRoot.parent(path); above.length > 0; above = InRoot.parent(above)) {
            var there = items.get(above);
            if (there != null) {
                whole &= there instanceof Directory;
                return; // those above it are there, too
            }
            switch (look(above)) {
                case DIRECTORY -> items.put(above, new Directory(attributesBelow(above)));
                case NOTHING -> items.put(above, new Directory(Attributes.ofMode(0755)));
                case OTHER -> whole = false;
            }
        }
    }

    private Attributes attributesBelow(byte[] path) {
        try (var found = layers.findItself(path).orElseThrow()) {
            return FileAttributes.of(found, path, NAME);
        }
    }

    /** Its own, and of the others those that it does not have. */
    private static Attributes withXattrs(Attributes own, List<Xattr> others) {
        var all = new TreeMap<String, Xattr>();
        others.forEach(xattr -> all.put(xattr.name(), xattr));
        own.xattrs().forEach(xattr -> all.put(xattr.name(), xattr));
        return new Attributes(
                own.uid(), own.gid(), own.mode(), own.modified(), own.accessed(), List.copyOf(all.values()));
    }
}
