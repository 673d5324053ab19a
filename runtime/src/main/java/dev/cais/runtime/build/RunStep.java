package dev.cais.runtime.build;

import dev.cais.BuildAccess;
import dev.cais.BuildEntitlement;
import dev.cais.BuildEvent;
import dev.cais.BuildException;
import dev.cais.BuildSpec;
import dev.cais.BuildStep;
import dev.cais.ContainerSpec;
import dev.cais.Digest;
import dev.cais.ExitStatus;
import dev.cais.InvalidSpecException;
import dev.cais.LogStream;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.image.dockerfile.BuildArguments;
import dev.cais.image.dockerfile.Instruction.NetworkMode;
import dev.cais.image.dockerfile.Instruction.Run;
import dev.cais.image.dockerfile.PathPatterns;
import dev.cais.image.dockerfile.RunDevice;
import dev.cais.image.dockerfile.RunMount;
import dev.cais.runtime.ssh.AgentSocket;
import dev.cais.runtime.ssh.SshAgent;
import dev.cais.storage.Attributes;
import dev.cais.storage.BuildCache;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.InRoot;
import dev.cais.storage.MountStubs;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** One {@code RUN}, its variables replaced. */
final class RunStep {
    /** What each container has mounted, though its image may not have the place. */
    private static final List<String> ALWAYS_MOUNTED =
            List.of("/dev", "/proc", "/sys", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf");

    private static final int LONGEST_LAST_WORDS = 300;

    /** What programs tell terminals: a last line of nothing else says nothing. ECMA-48, 5.4, control sequences. */
    private static final Pattern CONTROL_SEQUENCES = Pattern.compile("\\x1b\\[[0-?]*[ -/]*[@-~]");

    private final Workplace workplace;
    private final StageFiles below;
    private final Run run;
    private final BuildArguments given;
    private final Function<String, Origins.Tree> origins;
    private final BuildAccess access;
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
        found.forEach(this::requireAllowed);
        return found.stream();
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
                        run.network(),
                        builtIn.hostname(),
                        run.insecure(),
                        run.devices(),
                        run.script()
                                .map(script -> List.of(script.name(), script.text()))
                                .orElse(List.of())));
        for (var variable : below.state().environment().entrySet()) {
            key = key.with("variable " + variable.getKey(), variable.getValue());
        }
        for (var mount : mounts) {
            key = key.with("mount " + target(mount), describe(mount));
        }
        return key;
    }

    /** What of a mount makes a difference: of a cache and a secret only which it is. */
    private String describe(RunMount mount) {
        return mount instanceof RunMount.Bind bind
                ? bind + " "
                        + origins.apply(bind.from())
                                .digest(StepKey.text("mount", bind.source()), source -> digest(source, bind.source()))
                : mount.toString();
    }

    private static Digest digest(FileSource source, String path) {
        return source.digest(chosen(source, path));
    }

    private static FileSource.Chosen chosen(FileSource source, String path) {
        return source.choose(FileSource.literally(path), PathPatterns.NONE).get(0);
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
        try (var work = new Running(step, progress)) {
            work.run(upper);
        }
    }

    /** The program's container, and what is there for it alone. */
    private final class Running implements AutoCloseable {
        private final BuildStep step;
        private final Consumer<BuildEvent> progress;
        private final Deque<AutoCloseable> resources = new ArrayDeque<>();
        private final StringBuilder lastWords = new StringBuilder();
        private ContainerSpec spec;
        private int sockets;

        Running(BuildStep step, Consumer<BuildEvent> progress) {
            this.step = step;
            this.progress = progress;
            this.spec = ContainerSpec.of(below.asImage())
                    .hostname(builtIn.hostname())
                    .entrypoint(arguments.toArray(String[]::new));
        }

        void run(Consumer<Path> upper) {
            given.proxies().forEach((name, value) -> spec = spec.env(name, value));
            below.state().environment().forEach((name, value) -> spec = spec.env(name, value));
            spec = switch (run.network()) {
                case DEFAULT -> spec;
                case NONE -> spec.noNetwork();
                case HOST -> spec.hostNetwork();
            };
            if (run.insecure()) {
                spec = spec.privileged();
            }
            run.script().ifPresent(script -> {
                var file = file(script.text().getBytes(StandardCharsets.UTF_8), 0755, 0, 0);
                spec = spec.mount(
                        Mount.bind(file, "/dev/pipes/" + script.name()).readOnly(true));
            });
            mounts.forEach(this::add);
            devices.forEach(device -> spec = spec.cdiDevice(device));
            workplace.require(below);
            workplace.host().run(below.asImage(), spec, this::output, (status, files) -> ended(status, files, upper));
        }

        private void output(LogStream stream, byte[] content) {
            progress.accept(new BuildEvent.Output(step, stream, content));
            lastWords.append(new String(content, StandardCharsets.UTF_8));
            lastWords.delete(0, Math.max(0, lastWords.length() - LONGEST_LAST_WORDS));
        }

        private void ended(ExitStatus status, ContainerFiles files, Consumer<Path> upper) {
            if (!status.success()) {
                var words = CONTROL_SEQUENCES.matcher(lastWords).replaceAll("").stripTrailing();
                words = words.substring(words.lastIndexOf('\n') + 1).replaceAll("\\p{Cntrl}", "?");
                throw new BuildException(
                        "the program ended with " + status, words.isEmpty() ? "" : "its last words: " + words);
            }
            var targets = new ArrayList<>(ALWAYS_MOUNTED);
            devices.forEach(device ->
                    targets.addAll(workplace.host().devices().mountPoints(device, "cannot use device " + device)));
            spec.mounts().forEach(mount -> targets.add(mount.target()));
            MountStubs.remove(files.upper(), files.layers(), targets);
            upper.accept(files.upper());
        }

        private void add(RunMount mount) {
            if (mount instanceof RunMount.Bind bind) {
                bind(bind);
            } else if (mount instanceof RunMount.Cache cache) {
                cache(cache);
            } else if (mount instanceof RunMount.Tmpfs tmpfs) {
                var asked = Mount.tmpfs(absolute(tmpfs.target()))
                        .readOnly(tmpfs.readOnly())
                        .executable(true);
                spec = spec.mount(tmpfs.size().map(asked::size).orElse(asked));
            } else if (mount instanceof RunMount.Secret secret) {
                secret(secret);
            } else if (mount instanceof RunMount.Ssh ssh) {
                ssh(ssh);
            }
        }

        /** A copy, so that neither a link of the context leads out, nor the program changes what it sees. */
        private void bind(RunMount.Bind bind) {
            var directory = directory();
            origins.apply(bind.from()).look(source -> {
                copy(source, bind.source(), directory, InRoot.path("data"));
                return Optional.<Void>empty();
            });
            spec = spec.mount(Mount.bind(directory.resolve("data"), absolute(bind.target()))
                    .readOnly(bind.readOnly()));
        }

        private void copy(FileSource source, String path, Path directory, byte[] target) {
            var owner = source.hasOwners() ? Optional.<BuildHost.Owner>empty() : Optional.of(BuildHost.Owner.ROOT);
            try (var root = Workplace.open("cannot mount files", directory);
                    var writing = new TreeWriting(
                            root,
                            directory.toString(),
                            new Stamp(owner, Optional.empty(), time -> time, Instant.EPOCH))) {
                writing.copy(source, chosen(source, path), target);
            }
        }

        private void cache(RunMount.Cache cache) {
            var held = workplace
                    .host()
                    .store()
                    .builds()
                    .use(
                            builtIn.cacheId(cache.id()),
                            BuildCache.Sharing.valueOf(cache.sharing().name()),
                            fresh -> fill(cache, fresh));
            resources.push(held);
            spec = spec.mount(Mount.bind(held.data(), absolute(cache.target())).readOnly(cache.readOnly()));
        }

        private void fill(RunMount.Cache cache, Path fresh) {
            if (!cache.from().isEmpty()) {
                origins.apply(cache.from()).look(source -> {
                    copy(source, cache.source(), fresh, new byte[0]);
                    return Optional.<Void>empty();
                });
            }
            attributes(
                    fresh,
                    cache.owner().mode().orElse(0755),
                    cache.owner().uid().orElse(0),
                    cache.owner().gid().orElse(0));
        }

        private void attributes(Path directory, int mode, int uid, int gid) {
            try (var files = workplace.host().store().files(directory)) {
                var now = Instant.now();
                files.directory(new byte[0], new Attributes(uid, gid, mode, now, now, List.of()));
            }
        }

        private void secret(RunMount.Secret secret) {
            var known = Optional.ofNullable(access.secrets().get(secret.id()));
            if (known.isEmpty()) {
                if (secret.required()) {
                    throw new NotFoundException(
                            "the build was given no secret " + secret.id(), "add it with BuildSpec.secret");
                }
                return;
            }
            var content = known.get().content();
            if (!secret.variable().isEmpty()) {
                spec = spec.env(secret.variable(), new String(content, StandardCharsets.UTF_8));
            }
            if (!secret.target().isEmpty()) {
                var file = file(
                        content,
                        secret.owner().mode().orElse(0400),
                        secret.owner().uid().orElse(0),
                        secret.owner().gid().orElse(0));
                spec = spec.mount(Mount.bind(file, absolute(secret.target())).readOnly(true));
            }
        }

        private void ssh(RunMount.Ssh ssh) {
            var agent = Optional.ofNullable(access.ssh().get(ssh.id()));
            if (agent.isEmpty() && ssh.required()) {
                throw new NotFoundException(
                        "the build was given no ssh agent " + ssh.id(), "add it with BuildSpec.ssh");
            }
            agent.ifPresent(known -> {
                var owner = ssh.owner();
                var directory = directory();
                var socket = AgentSocket.open(
                        SshAgent.of(known),
                        Workplace.open("cannot serve an ssh agent", directory),
                        directory,
                        owner.mode().orElse(0600),
                        owner.uid().orElse(0),
                        owner.gid().orElse(0));
                resources.push(socket);
                var target = ssh.target().isEmpty() ? "/run/buildkit/ssh_agent." + sockets++ : absolute(ssh.target());
                spec = spec.mount(Mount.bind(socket.path(), target)).env("SSH_AUTH_SOCK", target);
            });
        }

        private String absolute(String target) {
            var workdir = below.state().config().workdir();
            var path = target.startsWith("/") ? target : workdir + "/" + target;
            return InRoot.shown(InRoot.path(path));
        }

        /** One that goes when the step ends. */
        private Path directory() {
            var directory = workplace.makeDirectory();
            resources.push(() -> workplace.remove(directory));
            return directory;
        }

        private Path file(byte[] content, int mode, int uid, int gid) {
            var directory = directory();
            try (var files = workplace.host().store().files(directory);
                    var sink = files.file(
                            InRoot.path("data"),
                            new Attributes(uid, gid, mode, Instant.EPOCH, Instant.EPOCH, List.of()))) {
                sink.write(content, 0, content.length);
                sink.finish();
            }
            return directory.resolve("data");
        }

        @Override
        public void close() {
            while (!resources.isEmpty()) {
                try {
                    resources.pop().close();
                } catch (RuntimeException e) {
                    throw e;
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }
}
