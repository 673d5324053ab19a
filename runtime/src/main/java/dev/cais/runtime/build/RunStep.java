package dev.cais.runtime.build;

import dev.cais.BuildAccess;
import dev.cais.BuildEntitlement;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildRunOptions;
import dev.cais.BuildSpec;
import dev.cais.BuildStep;
import dev.cais.ByteSize;
import dev.cais.CancelledException;
import dev.cais.ContainerSpec;
import dev.cais.EndpointSpec;
import dev.cais.EngineException;
import dev.cais.ExitStatus;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.image.dockerfile.BuildArguments;
import dev.cais.image.dockerfile.Instruction.NetworkMode;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.dockerfile.Program;
import dev.cais.image.dockerfile.RunDevice;
import dev.cais.image.dockerfile.RunMount;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.storage.MountStubs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One {@code RUN}, its variables replaced. */
final class RunStep {
    /** What each container has mounted, though its image may not have the place. */
    private static final List<String> ALWAYS_MOUNTED =
            List.of("/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf");

    private static final int LONGEST_LAST_WORDS = 300;

    /** With less of it a disk is full: some keep a little for themselves. */
    private static final ByteSize LEAST_SPACE = ByteSize.mib(1);

    /** What programs tell terminals: a last line of nothing else says nothing. ECMA-48, 5.4, control sequences. */
    private static final Pattern CONTROL_SEQUENCES = Pattern.compile("\\x1b\\[[0-?]*[ -/]*[@-~]");

    private static final Pattern OF_CONTAINER =
            Pattern.compile("cannot (start|finish running) (container )?[0-9a-f]{12,64}: ");

    private final Workplace workplace;
    private final StageFiles below;
    private final Run run;
    private final BuildArguments given;
    private final Function<String, Origins.Tree> origins;
    private final BuildAccess access;
    private final BuildRunOptions options;
    private final BuiltInArguments builtIn;
    private final List<String> devices;
    private final List<String> arguments;
    private final List<RunMount> mounts;

    /** @param origins what {@code from} of a mount names; the context if it is empty */
    RunStep(
            Workplace workplace,
            StageFiles below,
            Run run,
            BuildArguments given,
            Function<String, Origins.Tree> origins,
            BuildSpec spec) {
        this.workplace = workplace;
        this.below = below;
        this.run = run;
        this.given = given;
        this.origins = origins;
        if (run.insecure()) {
            require(spec, BuildEntitlement.SECURITY_INSECURE, "--security=insecure");
        }
        if (run.network() == NetworkMode.HOST) {
            require(spec, BuildEntitlement.NETWORK_HOST, "--network=host");
        }
        this.access = spec.access();
        this.options = spec.runOptions();
        this.builtIn = BuiltInArguments.of(spec);
        this.devices = run.devices().stream().flatMap(this::find).distinct().toList();
        var state = below.state();
        this.arguments = run.program().arguments(state.config());
        this.mounts = run.mounts().stream()
                .map(mount -> mount.resolve(state::variable))
                .toList();
    }

    /** By their full names. */
    private Stream<String> find(RunDevice asked) {
        var found = workplace.host().devices().find(asked.name(), "cannot use device " + asked.name());
        if (found.isEmpty() && asked.required()) {
            throw new NotFoundException("this host has no device " + asked.name());
        }
        found.stream()
                .filter(device -> !device.allowed())
                .map(CdiDevices.Found::name)
                .forEach(this::requireAllowed);
        return found.stream().map(CdiDevices.Found::name);
    }

    private void requireAllowed(String device) {
        var kind = device.substring(0, device.indexOf('='));
        if (!access.entitlements().contains(BuildEntitlement.DEVICE)
                && !access.devices().contains(device)
                && !access.devices().contains(kind)) {
            throw new InvalidSpecException(
                    "RUN --device of " + device + " is not allowed",
                    "allow it with BuildSpec.allowDevice(\"" + device + "\"), if you trust the Dockerfile");
        }
    }

    private static void require(BuildSpec spec, BuildEntitlement entitlement, String flag) {
        if (!spec.access().entitlements().contains(entitlement)) {
            throw new InvalidSpecException(
                    "RUN " + flag + " is not allowed",
                    "allow it with BuildSpec.allow(BuildEntitlement." + entitlement + "), if you trust the Dockerfile");
        }
    }

    String history() {
        var text = new StringBuilder("RUN ");
        var declared = new ArrayList<String>();
        below.state()
                .arguments()
                .forEach((name, value) -> declared.add(name + "="
                        + below.state().variable(name).or(() -> value).orElse("")));
        if (!declared.isEmpty()) {
            text.append('|').append(declared.size()).append(' ');
            declared.forEach(each -> text.append(each).append(' '));
        }
        return text.append(String.join(" ", arguments)).append(" # buildkit").toString();
    }

    StepKey key() {
        var config = below.state().config();
        var key = StepKey.of(
                below,
                StepKey.text(
                        arguments,
                        config.user(),
                        config.workdir(),
                        network(),
                        builtIn.hostname(),
                        run.insecure(),
                        run.devices(),
                        run.script()
                                .map(script -> List.of(script.name(), script.text()))
                                .orElse(List.of())));
        var aspects = new LinkedHashMap<String, String>();
        below.state().environment().forEach((name, value) -> aspects.put("variable " + name, value));
        options.extraHosts().forEach((name, address) -> aspects.put("host " + name, address));
        mounts.forEach(mount -> aspects.put("mount " + target(mount), describe(mount)));
        return key.with(aspects);
    }

    /** The same, whether the instruction says it or the build. */
    private Object network() {
        if (run.network() != NetworkMode.DEFAULT) {
            return run.network();
        } else if (options.network().isHost()) {
            return NetworkMode.HOST;
        } else if (!options.network().isPrivate()) {
            return options.network().toString();
        }
        return options.networks()
                .<Object>map(joined -> joined.isEmpty()
                        ? NetworkMode.NONE
                        : joined.stream().map(EndpointSpec::network).toList())
                .orElse(NetworkMode.DEFAULT);
    }

    /** What of a mount makes a difference: of a cache and a secret only which it is. */
    private String describe(RunMount mount) {
        return mount instanceof RunMount.Bind bind
                ? bind + " "
                        + origins.apply(bind.from())
                                .digest(
                                        StepKey.text("mount", bind.source()),
                                        source -> source.digest(source.only(bind.source())))
                : mount.toString();
    }

    private static String target(RunMount mount) {
        if (mount instanceof RunMount.Bind bind) {
            return bind.target();
        } else if (mount instanceof RunMount.Cache cache) {
            return cache.target();
        } else if (mount instanceof RunMount.Tmpfs tmpfs) {
            return tmpfs.target();
        } else if (mount instanceof RunMount.Secret secret) {
            return secret.target().isEmpty() ? "variable " + secret.variable() : secret.target();
        } else if (mount instanceof RunMount.Ssh ssh) {
            return "agent " + ssh.id() + " " + ssh.target();
        }
        throw new IllegalStateException("no such mount: " + mount);
    }

    void carryOut(BuildStep step, Consumer<BuildEvent> progress, Consumer<Path> upper) {
        try {
            carryOutInContainer(step, progress, upper);
        } catch (CancelledException e) {
            throw new CancelledException(
                    OF_CONTAINER.matcher(e.problem()).replaceFirst("cannot build: "), e.facts(), "", e);
        } catch (NotFoundException | InvalidSpecException | KernelException e) {
            throw ofNobody(e);
        }
    }

    /** Nobody knows the container by its id. */
    private static EngineException ofNobody(EngineException failure) {
        var of = OF_CONTAINER.matcher(failure.problem());
        return of.lookingAt()
                ? new BuildException(failure.problem().substring(of.end()), failure.facts(), failure.help(), failure)
                : failure;
    }

    private void carryOutInContainer(BuildStep step, Consumer<BuildEvent> progress, Consumer<Path> upper) {
        try (var mounted = new StepMounts(workplace, below.state().config().workdir(), origins, access, builtIn)) {
            var spec = spec(mounted);
            var lastWords = new StringBuilder();
            workplace.require(below);
            workplace
                    .host()
                    .run(
                            below.asImage(),
                            spec,
                            (stream, content) -> {
                                progress.accept(new BuildEvent.Output(step, stream, content));
                                lastWords.append(new String(content, StandardCharsets.UTF_8));
                                lastWords.delete(0, Math.max(0, lastWords.length() - LONGEST_LAST_WORDS));
                            },
                            (status, files) -> {
                                if (!status.success()) {
                                    throw failure(status, lastWords, run.program(), fullDisk(files.upper()));
                                }
                                MountStubs.remove(files.upper(), files.layers(), targets(spec));
                                upper.accept(files.upper());
                            });
        }
    }

    private ContainerSpec spec(StepMounts mounted) {
        var spec = options.on(ContainerSpec.of(below.asImage()))
                .hostname(builtIn.hostname())
                .entrypoint(arguments.toArray(String[]::new));
        for (var proxy : given.proxies().entrySet()) {
            spec = spec.env(proxy.getKey(), proxy.getValue());
        }
        for (var variable : below.state().environment().entrySet()) {
            spec = spec.env(variable.getKey(), variable.getValue());
        }
        spec = switch (run.network()) {
            case DEFAULT -> spec;
            case NONE -> spec.noNetwork();
            case HOST -> spec.hostNetwork();
        };
        if (run.insecure()) {
            spec = spec.privileged();
        }
        if (run.script().isPresent()) {
            var script = run.script().get();
            var file = mounted.file(script.text().getBytes(StandardCharsets.UTF_8), 0755, 0, 0);
            spec = spec.mount(Mount.bind(file, "/dev/pipes/" + script.name()).readOnly(true));
        }
        spec = mounted.add(spec, mounts);
        for (var device : devices) {
            spec = spec.cdiDevice(device);
        }
        return spec;
    }

    /** Places that the step's own files have nothing of. */
    private List<String> targets(ContainerSpec spec) {
        var targets = new ArrayList<>(ALWAYS_MOUNTED);
        devices.forEach(device ->
                targets.addAll(workplace.host().devices().mountPoints(device, "cannot use device " + device)));
        spec.mounts().forEach(mount -> targets.add(mount.target()));
        return targets;
    }

    /** What programs do not always tell; empty if there is space. Of inodes and quotas nothing is known here. */
    private String fullDisk(Path upper) {
        var place = upper.toFile(); // knows of its file system without a look at all mounts
        return place.getTotalSpace() > 0 && place.getUsableSpace() < LEAST_SPACE.bytes()
                ? "no space is left on the file system of "
                        + workplace.host().store().root()
                : "";
    }

    private static BuildException failure(ExitStatus status, CharSequence lastWords, Program program, String fullDisk) {
        var words = CONTROL_SEQUENCES.matcher(lastWords).replaceAll("").stripTrailing();
        words = words.substring(words.lastIndexOf('\n') + 1).replaceAll("\\p{Cntrl}", "?");
        var isLikeArray = program.shell() && program.words().get(0).startsWith("[");
        var quotes = isLikeArray ? "what is to be a JSON array is none: strings in double quotes, commas between" : "";
        return new BuildException(
                "the program ended with " + status,
                Stream.of(words.isEmpty() ? "" : "its last words: " + words, quotes, fullDisk)
                        .filter(text -> !text.isEmpty())
                        .collect(Collectors.joining("; ")));
    }
}
