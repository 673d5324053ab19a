package dev.cais.runtime.build;

import dev.cais.BuildDefinition;
import dev.cais.BuildEvent;
import dev.cais.BuildSpec;
import dev.cais.Image;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.image.BuildResult;
import dev.cais.image.ImageCatalog;
import dev.cais.image.archive.IoFailure;
import dev.cais.image.dockerfile.BuildPlan;
import dev.cais.image.dockerfile.Dockerfile;
import dev.cais.image.dockerfile.LintWarning;
import dev.cais.image.dockerfile.PlanRequest;
import dev.cais.image.dockerfile.Stage;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.Shown;
import dev.cais.image.oci.Spelling;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;

/** Builds images of Dockerfiles, for one engine. For many threads. */
public final class Builder {
    private final BuildHost host;

    public Builder(BuildHost host) {
        this.host = host;
    }

    /** See {@link dev.cais.Images#build(BuildSpec, Consumer)}. */
    public Image build(BuildSpec spec, Consumer<BuildEvent> progress) {
        var cannot = "cannot build " + spec.context();
        ImageCatalog.requireNames(spec.metadata().tags());
        var exports = new Exports(spec);
        var told = oneByOne(progress);
        var caches = Caches.read(host, spec.caching().from(), told);
        var workplace = new Workplace(host, caches);
        var attesting = new Attesting(spec, workplace);
        try (var contexts = Contexts.open(workplace, spec)) {
            var dockerfile = dockerfile(spec, contexts);
            var place = spec.context() + "\n" + dockerfile.name();
            var noCache = noCache(spec, dockerfile);
            var epoch = SourceDateEpoch.of(spec, dockerfile, contexts);
            for (var isFirst = true; ; isFirst = false) {
                try (var steps = new Steps(host.store(), caches, place, noCache, epoch.time(), told)) {
                    var begun = begin(
                            spec, dockerfile, epoch, plan -> new Construction(workplace, spec, plan, steps, contexts));
                    if (isFirst) {
                        var warnings = warnings(begun);
                        begun.get(0).requireAllowed(warnings);
                        warnings.forEach(found -> told.accept(warned(found)));
                    }
                    var results = each(cannot, begun, construction -> {
                        var files = construction.carryOut();
                        return new Result(
                                construction.platform(), files, attesting.of(construction, files, epoch.time()));
                    });
                    var image = exports.carryOut(workplace, steps, results);
                    caches.export(
                            spec.caching().to(),
                            results.stream()
                                    .flatMap(result -> result.files().layers().stream())
                                    .toList());
                    return image;
                } catch (Caches.Unavailable e) {
                    caches.beginAnew();
                }
            }
        }
    }

    /** See {@link dev.cais.Images#check}. */
    public List<BuildEvent.Warned> check(BuildSpec spec) {
        Consumer<BuildEvent> nobody = event -> {};
        var caches = Caches.read(host, List.of(), nobody);
        var workplace = new Workplace(host, caches);
        try (var contexts = Contexts.open(workplace, spec)) {
            var dockerfile = dockerfile(spec, contexts);
            var epoch = SourceDateEpoch.of(spec, dockerfile, contexts);
            try (var steps = new Steps(host.store(), caches, "", stage -> false, epoch.time(), nobody)) {
                var begun = begin(
                        spec, dockerfile, epoch, plan -> new Construction(workplace, spec, plan, steps, contexts));
                return warnings(begun).stream().map(Builder::warned).toList();
            }
        }
    }

    /** One for each platform. */
    private static List<Construction> begin(
            BuildSpec spec, Dockerfile dockerfile, SourceDateEpoch epoch, Function<BuildPlan, Construction> beginning) {
        var platforms = spec.platforms().isEmpty() ? List.of(Platform.host()) : spec.platforms();
        return each("cannot build " + spec.context(), platforms, platform -> {
            var request = new PlanRequest(
                    spec.target(),
                    epoch.arguments(),
                    Platform.host(),
                    platform,
                    spec.contexts().keySet());
            return beginning.apply(BuildPlan.of(dockerfile, request));
        });
    }

    /** What all platforms have alike is told once. */
    private static List<LintWarning> warnings(List<Construction> begun) {
        return begun.stream()
                .flatMap(construction -> construction.warnings().stream())
                .distinct()
                .toList();
    }

    private static BuildEvent.Warned warned(LintWarning found) {
        return new BuildEvent.Warned(found.rule().toString(), found.line(), found.text());
    }

    private static <T, R> List<R> each(String cannot, List<T> all, Function<T, R> task) {
        var tasks = new ArrayList<Callable<R>>();
        all.forEach(one -> tasks.add(() -> task.apply(one)));
        return Workers.run("cais-build", all.size(), tasks, cannot);
    }

    /** What the target has come to on a platform, and what is said of it. */
    record Result(Platform platform, StageFiles files, BuildResult.Said said) {}

    private static Consumer<BuildEvent> oneByOne(Consumer<BuildEvent> progress) {
        var turn = new Object();
        return event -> {
            synchronized (turn) {
                progress.accept(event);
            }
        };
    }

    private static Dockerfile dockerfile(BuildSpec spec, Contexts contexts) {
        if (spec.definition() instanceof BuildDefinition.Stage stage) {
            return Dockerfile.of(stage.target());
        } else if (spec.definition() instanceof BuildDefinition.DockerfileText text) {
            return read(
                    spec, text.toString(), new ByteArrayInputStream(text.text().getBytes(StandardCharsets.UTF_8)));
        }
        var context = contexts.files("");
        if (contexts.dockerfile().isPresent()) {
            return read(
                    spec,
                    spec.context().toString(),
                    context.find(contexts.dockerfile().get()).orElseThrow());
        }
        var file = (BuildDefinition.DockerfileAt) spec.definition();
        for (var path : List.of(file.path(), inLowerCase(file.path()))) {
            var found = context.find(path);
            if (found.isPresent()) {
                return read(spec, file.isAbsolute() ? path : spec.context() + "/" + path, found.get());
            }
        }
        throw missing(spec, file.path(), context);
    }

    /** The usual name may be written so. */
    private static String inLowerCase(String path) {
        return path.replaceFirst("(^|/)Dockerfile$", "$1dockerfile");
    }

    private static NotFoundException missing(BuildSpec spec, String path, ContextFiles context) {
        return new NotFoundException(
                "cannot build " + spec.context() + ": there is no file " + path,
                path.startsWith("..")
                        ? "write an absolute path to a file that is not in the context"
                        : context.like(path));
    }

    private static Dockerfile read(BuildSpec spec, String name, InputStream content) {
        try (content) {
            return Dockerfile.read(name, content, BuiltInArguments.of(spec).syntax());
        } catch (IOException e) {
            throw IoFailure.of("cannot read " + name, e);
        }
    }

    /** Of which stages nothing is taken from the cache. */
    private static Predicate<String> noCache(BuildSpec spec, Dockerfile dockerfile) {
        var stages = new HashSet<String>();
        for (var wanted : spec.caching().noneOf()) {
            var named = dockerfile.stages().stream()
                    .filter(stage -> stage.name().equalsIgnoreCase(wanted)
                            || Integer.toString(stage.number()).equals(wanted))
                    .map(Stage::toString)
                    .toList();
            if (named.isEmpty()) {
                throw new NotFoundException(
                        "cannot build " + spec.context() + " without the cache of stage " + Shown.text(wanted)
                                + ": there is no such stage",
                        Spelling.didYouMean(
                                wanted,
                                dockerfile.stages().stream()
                                        .map(Stage::toString)
                                        .toList()));
            }
            stages.addAll(named);
        }
        // of several platforms, a step says which before its stage
        return stage -> spec.caching().none() || stages.contains(stage.substring(stage.lastIndexOf(' ') + 1));
    }
}
