package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.oci.Hash;
import dev.cais.linux.Abi;
import dev.cais.linux.Fd;
import dev.cais.linux.Scratch;
import dev.cais.linux.Syscall;
import dev.cais.linux.Syscalls;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.FileHashes;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/** Opens trees for a build's steps. For many threads. */
final class Workplace {
    /** The next one stands for none. */
    private static final long GREATEST_ID = 0xffff_fffeL;

    private final BuildHost host;
    private final Caches caches;

    /** @param caches that a build's steps may come from */
    Workplace(BuildHost host, Caches caches) {
        this.host = host;
        this.caches = caches;
    }

    Caches caches() {
        return caches;
    }

    /** Sees that a stage's files are here, if they come from another cache. */
    void require(StageFiles files) {
        caches.require(files.diffIds());
    }

    /** Who {@code user[:group]} is by the files of a stage, which need not be here if that was asked before; numbers need none. */
    BuildHost.Owner owner(StageFiles files, String text) {
        if (text.matches("[0-9]{1,18}(:[0-9]{1,18})?")) {
            var numbers = text.split(":");
            return new BuildHost.Owner(id(numbers[0]), id(numbers[numbers.length - 1]));
        }
        var builds = host.store().builds();
        var note =
                Hash.sha256(("an owner in a stage\n" + files.chain() + "\n" + text).getBytes(StandardCharsets.UTF_8));
        var known = builds.note(note).filter(bytes -> bytes.length == 2 * Long.BYTES);
        if (known.isPresent()) {
            var numbers = ByteBuffer.wrap(known.get());
            return new BuildHost.Owner(numbers.getLong(), numbers.getLong());
        }
        require(files);
        var owner = host.owner(files.asImage(), text);
        var bytes = ByteBuffer.allocate(2 * Long.BYTES).putLong(owner.uid()).putLong(owner.gid());
        builds.putNote(note, bytes.array());
        return owner;
    }

    private static long id(String text) {
        var id = Long.parseLong(text);
        if (id > GREATEST_ID) {
            throw new InvalidSpecException("--chown has " + text + ", and users and groups are 0 to " + GREATEST_ID);
        }
        return id;
    }

    BuildHost host() {
        return host;
    }

    /** Work on a root that is to be changed. */
    interface Change {
        void make(Fd root);
    }

    /** Mounts an empty directory over layers, has it changed, and gives what was written on. */
    void change(String cannot, List<Digest> layers, Change change, Consumer<Path> upper) {
        try (var files = create(layers)) {
            try (var root = layers.isEmpty() ? open(cannot, files.upper()) : host.openRoot(cannot, files)) {
                change.make(root);
            }
            upper.accept(files.upper());
        }
    }

    /**
     * Has files written over layers, without a mount if it is known beforehand what will be written where, and by way of one otherwise.
     *
     * @param write is asked twice in the second case
     */
    void write(String cannot, List<Digest> layers, Stamp stamp, Consumer<CopyTarget> write, Steps.Taker upper) {
        try (var files = create(layers)) {
            LayerPlan plan;
            try (var root = layers.isEmpty() ? open(cannot, files.upper()) : host.openRoot(cannot, files)) {
                plan = new LayerPlan(root, stamp);
                write.accept(plan);
                if (!plan.isWhole()) {
                    try (var writing = new TreeWriting(root, "the stage", stamp)) {
                        write.accept(writing);
                    }
                }
            }
            if (!plan.isWhole()) {
                upper.accept(files.upper());
                return;
            }
            try (var tar = host.store().blobs().writer();
                    var earlier = EarlierLayer.find(host.store(), upper.earlier())) {
                var places = LayerWriting.write(plan, files.upper(), host.store(), tar, earlier);
                EarlierLayer.remember(host.store(), upper.accept(files.upper(), tar), plan, places);
            }
        }
    }

    private ContainerFiles create(List<Digest> layers) {
        caches.require(layers);
        try (var hold = host.store().lockShared()) {
            return host.store().createContainer(Steps.newId(), Hash.sha256(new byte[0]), layers);
        }
    }

    /** A directory of the host. */
    static Fd open(String cannot, Path directory) {
        try (var scratch = Scratch.frame()) {
            var opened = Syscalls.call(
                    Syscall.OPENAT,
                    Abi.AT_FDCWD,
                    scratch.path(directory.toString()),
                    Abi.O_PATH | Abi.O_DIRECTORY | Abi.O_CLOEXEC);
            return Fd.of(Syscalls.checked(cannot + ": it cannot open " + directory, Syscall.OPENAT, opened));
        }
    }

    /** A new directory of this engine, which is swept if the JVM is killed. */
    Path makeDirectory() {
        var directory = host.store().temporary();
        try {
            Files.createDirectory(directory);
        } catch (IOException e) {
            throw IoFailure.of("cannot make " + directory, e);
        }
        return directory;
    }

    void remove(Path directory) {
        host.store().removeTree(directory);
    }

    /** Looks at files of a stage, through a mount of its layers that goes with the look. */
    <T> T look(String name, StageFiles stage, Function<FileSource, T> look) {
        return mounted(name, stage, root -> {
            try (var source =
                    new FileSource(root.duplicate(), name, PathPatterns.NONE, true, FileHashes.of(new byte[0]))) {
                return look.apply(source);
            }
        });
    }

    /** The same with the root itself. */
    <T> T mounted(String name, StageFiles stage, Function<Fd, T> look) {
        var cannot = "cannot read " + name;
        try (var files = create(stage.diffIds());
                var root = stage.layers().isEmpty() ? open(cannot, files.upper()) : host.openRoot(cannot, files)) {
            return look.apply(root);
        }
    }

    /** What was found out of a stage's files, once and for all. */
    String remember(StageFiles stage, String what, Function<String, String> findOut) {
        var note = Hash.sha256(("files of a stage\n" + stage.chain() + "\n" + what).getBytes(StandardCharsets.UTF_8));
        var known = host.store()
                .builds()
                .note(note)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .or(() -> caches.note(note).map(Digest::toString));
        if (known.isPresent()) {
            caches.trace().note(note, Digest.parse(known.get()));
            return known.get();
        }
        var found = findOut.apply(what);
        caches.trace().note(note, Digest.parse(found));
        host.store().builds().putNote(note, found.getBytes(StandardCharsets.UTF_8));
        return found;
    }
}
