package dev.cais.runtime.build;

import dev.cais.BuildContext;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.Image;
import dev.cais.Layer;
import dev.cais.NotFoundException;
import dev.cais.Platform;
import dev.cais.RegistryException;
import dev.cais.image.BaseImage;
import dev.cais.image.attestation.Provenance;
import dev.cais.image.dockerfile.BuildArguments;
import dev.cais.image.dockerfile.BuildPlan;
import dev.cais.image.dockerfile.Dockerfile;
import dev.cais.image.dockerfile.Lint;
import dev.cais.image.dockerfile.LintWarning;
import dev.cais.image.dockerfile.Origin;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.dockerfile.PlannedStage;
import dev.cais.image.dockerfile.Stage;
import dev.cais.image.layer.Workers;
import dev.cais.image.oci.ImageReference;
import dev.cais.image.oci.Spelling;
import dev.cais.linux.Fd;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** One build, from its plan to the target's files. */
final class Construction {
    /** More stages than these wait for their turn. */
    private static final int MOST_AT_ONCE = 4;

    private final Workplace workplace;
    private final BuildSpec spec;
    private final Dockerfile file;
    private final BuildPlan plan;
    private final Steps steps;
    private final Contexts contexts;
    /** Results of stages by number, until nobody needs them any more: there may be thousands, each with all that is below it. */
    private final Map<Integer, CompletableFuture<StageFiles>> stages = new ConcurrentHashMap<>();

    private final Map<Integer, AtomicInteger> uses = new HashMap<>();
    private final Map<Origin, CompletableFuture<StageFiles>> images = new HashMap<>();

    /** What stages begin with. */
    private final Map<Origin, Image> bases = new HashMap<>();

    /** Stages whose packages are listed, too, by number. */
    private final Map<Integer, StageFiles> scanned = new ConcurrentSkipListMap<>();

    private volatile boolean scansContext;

    Construction(Workplace workplace, BuildSpec spec, BuildPlan plan, Steps steps, Contexts contexts) {
        this.workplace = workplace;
        this.spec = spec;
        this.steps = steps;
        this.contexts = contexts;
        this.file = plan.file();
        this.plan = plan.withTriggers(triggers(plan));
        for (var stage : this.plan.stages()) {
            stages.put(stage.number(), new CompletableFuture<>());
            uses.put(stage.number(), new AtomicInteger(0));
            stage.needs().forEach(needed -> of(uses, needed).incrementAndGet());
        }
        of(uses, this.plan.target().number()).incrementAndGet();
    }

    /** Images may have instructions for those who begin with them. */
    private Map<Integer, List<String>> triggers(BuildPlan first) {
        var triggers = new HashMap<Integer, List<String>>();
        for (var stage : first.stages()) {
            if (isImage(stage.base())) {
                try {
                    var found = bases.computeIfAbsent(stage.base(), this::find);
                    triggers.put(stage.number(), found.config().onBuild());
                } catch (CancelledException e) {
                    throw e;
                } catch (EngineException e) {
                    throw first.file().failure(stage.stage().from().source(), e);
                }
            }
        }
        return triggers;
    }

    Workplace workplace() {
        return workplace;
    }

    BuildSpec spec() {
        return spec;
    }

    Dockerfile dockerfile() {
        return file;
    }

    BuildArguments arguments() {
        return plan.arguments();
    }

    Steps steps() {
        return steps;
    }

    Remotes remotes() {
        return contexts.remotes();
    }

    /** That it builds for. */
    Platform platform() {
        return plan.request().platform();
    }

    Origins.Tree context() {
        return new Origins.OfContext(contexts.files(""));
    }

    /** Builds the stages that are needed, several at a time; each begins when those that it needs from the first have begun. */
    StageFiles carryOut() {
        var tasks = new ArrayList<Callable<Boolean>>();
        for (var stage : plan.stages()) {
            tasks.add(() -> {
                carryOut(stage);
                return true;
            });
        }
        Workers.run("cais-build", MOST_AT_ONCE, tasks, "cannot build " + spec.context());
        var result = files(new Origin.OfStage(plan.target().number()));
        workplace.require(result);
        return result;
    }

    /** What is better written in another way. */
    List<LintWarning> warnings() {
        var known = new HashMap<Integer, Lint.Base>();
        for (var stage : plan.stages()) {
            if (isImage(stage.base())) {
                var base = Objects.requireNonNull(bases.get(stage.base()));
                known.put(stage.number(), new Lint.Base(base.config(), base.platform()));
            }
        }
        return Lint.check(plan, known, contexts.files("").ignored());
    }

    /** @throws BuildException if the file allows none of them */
    void requireAllowed(List<LintWarning> warnings) {
        Lint.requireAllowed(warnings, plan);
    }

    private void carryOut(PlannedStage stage) {
        var result = of(stages, stage.number());
        try {
            var files = new StageWork(this, stage).carryOut();
            scan(stage, files);
            result.complete(files);
        } catch (RuntimeException | Error e) {
            result.completeExceptionally(e); // so that who waits for it fails likewise
            throw e;
        }
        for (var needed : stage.needs()) {
            if (of(uses, needed).decrementAndGet() == 0) {
                stages.remove(needed);
            }
        }
    }

    private void scan(PlannedStage stage, StageFiles files) {
        if (spec.attestations().sbom()) {
            var scope = new SbomScope(plan);
            if (scope.has(stage, files.state())) {
                scanned.put(stage.number(), files);
            }
            if (scope.hasContext(files.state())) {
                scansContext = true;
            }
        }
    }

    /** What is looked at in a tree of files, by what it is called. */
    interface Look<T> {
        T of(String name, Fd root, PathPatterns ignored);
    }

    /** Looks at all that is listed beside the result. */
    <T> List<T> eachScanned(Look<T> look) {
        var seen = new ArrayList<T>();
        scanned.forEach((number, files) -> {
            var name = "stage " + plan.stage(number).stage();
            workplace.require(files);
            seen.add(workplace.mounted(name, files, root -> look.of(name, root, PathPatterns.NONE)));
        });
        if (scansContext) {
            var files = contexts.files("");
            seen.add(look.of("the context", files.root(), files.ignored()));
        }
        return seen;
    }

    private static <T> T of(Map<Integer, T> all, int stage) {
        return Objects.requireNonNull(all.get(stage));
    }

    private boolean isImage(Origin origin) {
        return origin instanceof Origin.OfImage
                || origin instanceof Origin.OfContext named
                        && contexts.image(named.name()).isPresent();
    }

    /** Whether it is files alone, which belong to nobody. */
    boolean isFiles(Origin origin) {
        return origin instanceof Origin.OfContext && !isImage(origin);
    }

    /** What a stage begins with, unless that is files alone. */
    StageFiles begin(Origin origin) {
        return origin instanceof Origin.OfStage ? files(origin).next() : files(origin);
    }

    /** What {@code --from} names. */
    Origins.Tree tree(Origin origin) {
        return origin instanceof Origin.OfContext named && isFiles(origin)
                ? new Origins.OfContext(contexts.files(named.name()))
                : new Origins.OfStage(workplace, name(origin), files(origin));
    }

    private String name(Origin origin) {
        return origin instanceof Origin.OfStage stage
                ? "stage " + plan.stage(stage.number()).stage()
                : origin instanceof Origin.OfImage image
                        ? "image " + image.name()
                        : origin instanceof Origin.OfContext named ? "context " + named.name() : "scratch";
    }

    private StageFiles files(Origin origin) {
        if (origin instanceof Origin.OfStage stage) {
            return await(of(stages, stage.number()));
        } else if (isImage(origin)) {
            return image(origin);
        }
        return StageFiles.scratch();
    }

    /** Each image is asked for once. */
    private StageFiles image(Origin image) {
        var mine = new CompletableFuture<StageFiles>();
        CompletableFuture<StageFiles> known;
        synchronized (images) {
            known = images.putIfAbsent(image, mine);
        }
        if (known != null) {
            return await(known);
        }
        try {
            var store = workplace.host().store();
            try (var hold = store.lockShared()) {
                var base = bases.get(image);
                var found = base == null ? find(image) : base;
                steps.use(found.layers().stream().map(Layer::diffId).toList());
                mine.complete(StageFiles.of(found));
            }
        } catch (RuntimeException | Error e) {
            mine.completeExceptionally(e);
            throw e;
        }
        return await(mine);
    }

    private Image find(Origin origin) {
        if (origin instanceof Origin.OfImage image) {
            return find(image);
        }
        var named = (Origin.OfContext) origin;
        var context = contexts.image(named.name()).orElseThrow();
        if (context instanceof BuildContext.Layout layout) {
            return workplace.host().images().load(layout.layout(), layout.reference());
        }
        var image = (BuildContext.OfImage) context;
        return find(new Origin.OfImage(ImageReference.parse(image.name()), Platform.host()));
    }

    private Image find(Origin.OfImage image) {
        var name = image.name().toString();
        BaseImage base;
        try {
            base = workplace
                    .host()
                    .images()
                    .base(
                            name,
                            image.platform(),
                            spec.pull(),
                            event -> steps.tell(new BuildEvent.Pulling(name, event)));
        } catch (NotFoundException | RegistryException e) {
            throw meant(image, e);
        }
        base.rest().ifPresent(rest -> workplace.caches().expect(base.image().layers(), rest));
        return base.image();
    }

    /** An image that is not to be had may be a stage, a context or an image of the store that is written wrong. */
    private EngineException meant(Origin.OfImage missing, EngineException failure) {
        var name = missing.name().familiarRepository();
        var names = new ArrayList<>(spec.contexts().keySet());
        file.stages().stream()
                .map(Stage::name)
                .filter(stage -> !stage.isEmpty())
                .forEach(names::add);
        for (var image : workplace.host().images().list()) {
            for (var known : image.tags()) {
                if (known.equals(missing.name().toString())) {
                    var isOther = !image.platform().equals(missing.platform());
                    return isOther
                            ? helped(
                                    failure,
                                    "the store has it for " + image.platform() + ", not for " + missing.platform())
                            : failure;
                }
                names.add(ImageReference.parse(known).familiarRepository());
            }
        }
        return Spelling.nearest(name, names)
                .filter(near -> !near.equals(name))
                .map(near -> helped(failure, "did you mean " + near + "?"))
                .orElse(failure);
    }

    private static EngineException helped(EngineException failure, String help) {
        return new NotFoundException(failure.problem(), failure.facts(), help, failure);
    }

    /** What it was made of, when it is. */
    List<Provenance.Material> materials() {
        var materials = new ArrayList<Provenance.Material>();
        images.forEach((origin, files) -> {
            var image = await(files).base().orElseThrow();
            var name = reference(origin);
            materials.add(Provenance.Material.ofImage(
                    name.familiarRepository(),
                    name.tag().orElse(""),
                    image.platform(),
                    image.digest().orElse(image.id())));
        });
        materials.sort(Comparator.comparing(Provenance.Material::uri));
        materials.addAll(contexts.materials());
        return materials;
    }

    /** A layout is known by the name of its context. */
    private ImageReference reference(Origin origin) {
        if (origin instanceof Origin.OfImage image) {
            return image.name();
        }
        var named = ((Origin.OfContext) origin).name();
        return contexts.image(named)
                .filter(BuildContext.OfImage.class::isInstance)
                .map(context -> ImageReference.parse(((BuildContext.OfImage) context).name()))
                .orElseGet(() -> ImageReference.parse(named));
    }

    /** All that was carried out, as it is written. */
    List<String> instructions() {
        return plan.stages().stream()
                .flatMap(stage -> Stream.concat(Stream.of(stage.stage().from()), stage.instructions().stream()))
                .map(instruction -> instruction.source().text())
                .toList();
    }

    private <T> T await(CompletableFuture<T> future) {
        try {
            return future.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancelledException("cannot build " + spec.context() + ": the thread was interrupted");
        } catch (ExecutionException e) {
            throw Workers.failure(e);
        }
    }
}
