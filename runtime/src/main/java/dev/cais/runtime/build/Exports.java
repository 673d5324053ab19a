package dev.cais.runtime.build;

import dev.cais.BuildEvent;
import dev.cais.BuildOutput;
import dev.cais.BuildSpec;
import dev.cais.EngineException;
import dev.cais.Image;
import dev.cais.InvalidSpecException;
import dev.cais.image.BuildResult;
import dev.cais.image.ImageCatalog;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.archive.Pending;
import dev.cais.image.archive.Replacement;
import dev.cais.image.layer.TarTree;
import dev.cais.linux.Fd;
import dev.cais.linux.FileCalls;
import dev.cais.storage.Attributes;
import dev.cais.storage.FileOperations;
import dev.cais.storage.InRoot;
import dev.cais.storage.TreeCopy;
import dev.cais.storage.TreeVisitor;
import dev.cais.storage.TreeWalk;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/**
 * Takes the result of a build to its outputs: files beside their places first, then what cannot be taken back, then all files into their
 * places, then the names. Whatever fails, names stand for what they stood for.
 */
final class Exports {
    private static final int PERMISSIONS = 01777;

    private final BuildSpec spec;

    /** Whether there is an index, and a directory for each platform. */
    private final boolean split;

    /** @throws InvalidSpecException if an output does not fit the rest of the spec */
    Exports(BuildSpec spec) {
        this.spec = spec;
        this.split = BuiltInArguments.of(spec).splits(spec.platforms());
        var places = new HashSet<Path>();
        for (var output : spec.outputs()) {
            place(output).filter(place -> !places.add(place)).ifPresent(place -> {
                throw new InvalidSpecException(
                        "cannot build " + spec.context() + ": two outputs go to " + place,
                        "give each a place of its own");
            });
            if (isAttested() && isDocker(output)) {
                throw new InvalidSpecException(
                        "cannot build " + spec.context() + ": Docker's media types have no place for attestations",
                        "leave these out, or write OCI's");
            }
            if (output instanceof BuildOutput.Registry registry) {
                ImageCatalog.requireNames(registry.names());
                if (names(registry).isEmpty()) {
                    throw new InvalidSpecException(
                            "cannot build " + spec.context() + ": it is to be pushed, and has no name",
                            "add a tag of the registry");
                }
            } else if (output instanceof BuildOutput.DockerArchive archive && split) {
                throw new InvalidSpecException(
                        "cannot write " + archive.destination() + ": a docker-archive is for one platform",
                        "write an OCI layout");
            }
        }
    }

    private static Optional<Path> place(BuildOutput output) {
        if (output instanceof BuildOutput.Oci oci) {
            return Optional.of(oci.destination());
        } else if (output instanceof BuildOutput.DockerArchive archive) {
            return Optional.of(archive.destination());
        } else if (output instanceof BuildOutput.Tar tar) {
            return Optional.of(tar.destination());
        }
        return output instanceof BuildOutput.Local local ? Optional.of(local.destination()) : Optional.empty();
    }

    private List<String> names(BuildOutput.Registry registry) {
        return registry.names().isEmpty() ? spec.metadata().tags() : registry.names();
    }

    private boolean isAttested() {
        return spec.attestations().isAny();
    }

    private static boolean isDocker(BuildOutput output) {
        return output instanceof BuildOutput.Registry registry && registry.dockerMediaTypes()
                || output instanceof BuildOutput.Oci oci && oci.dockerMediaTypes()
                || output instanceof BuildOutput.InStore image && image.dockerMediaTypes();
    }

    Image carryOut(Workplace workplace, Steps steps, List<Builder.Result> results) {
        var host = workplace.host();
        var cannot = "cannot build " + spec.context();
        try (var hold = host.store().lockShared();
                var written = new Written()) {
            var images = results.stream()
                    .map(result -> result.files()
                            .finished(
                                    result.files()
                                            .state()
                                            .config()
                                            .label(spec.metadata().labels()),
                                    spec.platforms().isEmpty() ? Optional.empty() : Optional.of(result.platform())))
                    .map(image -> workplace
                            .caches()
                            .inline(
                                    BuiltInArguments.of(spec)
                                            .withInline(spec.caching().to()),
                                    image))
                    .toList();
            var result = host.images()
                    .result(
                            images,
                            split,
                            new BuildResult.Annotations(
                                    spec.metadata().annotations(),
                                    spec.metadata().indexAnnotations()),
                            results.stream().map(Builder.Result::said).toList(),
                            cannot);
            var trees = new Trees(workplace, results);
            for (var output : spec.outputs()) {
                begin(output, result, trees).ifPresent(written::add);
            }
            for (var output : spec.outputs()) {
                if (output instanceof BuildOutput.TarStream tar) {
                    trees.tar(tar.stream());
                }
            }
            for (var output : spec.outputs()) {
                if (output instanceof BuildOutput.Registry registry) {
                    push(registry, result, steps);
                }
            }
            written.publish();
            return result.publish(
                    spec.metadata().tags(),
                    spec.outputs().stream()
                            .filter(BuildOutput.InStore.class::isInstance)
                            .map(BuildOutput.InStore.class::cast)
                            .findFirst());
        }
    }

    private void push(BuildOutput.Registry registry, BuildResult result, Steps steps) {
        for (var name : names(registry)) {
            result.push(
                    name,
                    registry.dockerMediaTypes(),
                    registry.options(),
                    event -> steps.tell(new BuildEvent.Pushing(name, event)));
        }
    }

    private Optional<Pending> begin(BuildOutput output, BuildResult result, Trees trees) {
        if (output instanceof BuildOutput.Oci oci) {
            return Optional.of(result.write(oci, spec.metadata().tags()));
        } else if (output instanceof BuildOutput.DockerArchive archive) {
            return Optional.of(result.write(archive, spec.metadata().tags()));
        } else if (output instanceof BuildOutput.Tar tar) {
            return Optional.of(Replacement.file(tar.destination(), trees::tar));
        } else if (output instanceof BuildOutput.Local local) {
            return Optional.of(LocalDirectory.begin(trees.workplace.host().store(), local.destination(), trees::copy));
        }
        return Optional.empty();
    }

    /** What waits to be published, all of it. */
    private static final class Written implements AutoCloseable {
        private final ArrayDeque<Pending> all = new ArrayDeque<>();

        void add(Pending pending) {
            all.add(pending);
        }

        void publish() {
            try {
                for (var pending : all) {
                    pending.publish();
                }
            } catch (IOException e) {
                throw failure(e);
            }
        }

        private static EngineException failure(IOException cause) {
            return IoFailure.of("cannot write what was built", cause);
        }

        @Override
        public void close() {
            while (!all.isEmpty()) {
                try {
                    all.removeLast().close();
                } catch (IOException e) {
                    throw failure(e);
                }
            }
        }
    }

    /** The files of the target, of each platform. */
    private final class Trees {
        private final Workplace workplace;
        private final List<Builder.Result> results;

        Trees(Workplace workplace, List<Builder.Result> results) {
            this.workplace = workplace;
            this.results = results;
        }

        private byte[] directory(Builder.Result result) {
            return split ? InRoot.path(result.platform().toString().replace('/', '_')) : new byte[0];
        }

        private interface Use {
            void of(Fd root, byte[] directory);
        }

        private void each(Use use) {
            for (var result : results) {
                var unused = workplace.mounted("the result", result.files(), root -> {
                    use.of(root, directory(result));
                    return true;
                });
            }
        }

        void tar(OutputStream target) {
            TarTree.write(target, "cannot write a tar of the result", false, this::tell);
        }

        private void tell(TreeVisitor visitor) {
            each((root, directory) -> TreeWalk.walk(root, directory, "the result", TreeWalk.Scope.ONE_MOUNT, visitor));
        }

        /** Of strangers' files, none is to be more than a file of the user. */
        void copy(FileOperations target) {
            var rules = new TreeCopy.Rules(Exports::ofUser, Exports::ofUser, false, true);
            each((root, directory) -> {
                if (directory.length > 0) {
                    target.directory(directory, ofUser(Attributes.ofMode(0755)));
                }
                TreeCopy.copy(root, "the result", target, directory, rules);
            });
        }
    }

    private static Attributes ofUser(Attributes own) {
        return new Attributes(
                FileCalls.ownUser(),
                FileCalls.ownGroup(),
                own.mode() & PERMISSIONS,
                own.modified(),
                own.accessed(),
                List.of());
    }
}
