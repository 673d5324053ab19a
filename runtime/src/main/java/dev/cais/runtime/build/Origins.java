package dev.cais.runtime.build;

import dev.cais.Digest;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.storage.FileHashes;
import java.nio.file.Path;
import java.util.function.Function;

/** Where files of a build come from, seen alike. */
final class Origins {
    private Origins() {}

    /** A tree to copy from. */
    interface Tree {
        /** Whether its files have owners that matter. */
        boolean hasOwners();

        <T> T look(Function<FileSource, T> look);

        /**
         * A digest of files.
         *
         * @param what names the same files of the same tree each time
         */
        Digest digest(String what, Function<FileSource, Digest> findOut);
    }

    /** The files of a context. */
    record OfContext(ContextFiles context) implements Tree {
        @Override
        public boolean hasOwners() {
            return false;
        }

        @Override
        public <T> T look(Function<FileSource, T> look) {
            try (var source = context.source()) {
                return look.apply(source);
            }
        }

        @Override
        public Digest digest(String what, Function<FileSource, Digest> findOut) {
            return look(findOut);
        }
    }

    /** Files that the build has fetched. */
    record OfDirectory(String name, Path directory) implements Tree {
        @Override
        public boolean hasOwners() {
            return false;
        }

        @Override
        public <T> T look(Function<FileSource, T> look) {
            var root = Workplace.open("cannot read " + name, directory);
            try (var source = new FileSource(root, name, PathPatterns.NONE, false, FileHashes.of(new byte[0]))) {
                return look.apply(source);
            }
        }

        @Override
        public Digest digest(String what, Function<FileSource, Digest> findOut) {
            return look(findOut);
        }
    }

    /** What a stage or an image holds: it never changes, so what was once found out of it holds for good. */
    record OfStage(Workplace workplace, String name, StageFiles files) implements Tree {
        @Override
        public boolean hasOwners() {
            return true;
        }

        @Override
        public <T> T look(Function<FileSource, T> look) {
            return workplace.look(name, files, look);
        }

        @Override
        public Digest digest(String what, Function<FileSource, Digest> findOut) {
            return Digest.parse(
                    workplace.remember(files, what, key -> look(findOut).toString()));
        }
    }
}
