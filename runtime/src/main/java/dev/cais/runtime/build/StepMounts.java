package dev.cais.runtime.build;

import dev.cais.BuildAccess;
import dev.cais.ContainerSpec;
import dev.cais.Mount;
import dev.cais.NotFoundException;
import dev.cais.image.dockerfile.RunMount;
import dev.cais.image.oci.Spelling;
import dev.cais.runtime.ssh.AgentSocket;
import dev.cais.runtime.ssh.SshAgent;
import dev.cais.storage.Attributes;
import dev.cais.storage.BuildCache;
import dev.cais.storage.InRoot;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/** What a {@code RUN} has mounted besides its stage. It is there until this is closed. For one thread. */
final class StepMounts implements AutoCloseable {
    private final Workplace workplace;
    private final String workdir;
    private final Function<String, Origins.Tree> origins;
    private final BuildAccess access;
    private final BuiltInArguments builtIn;
    private final Deque<AutoCloseable> resources = new ArrayDeque<>();
    private final Map<String, BuildCache.Held> caches = new HashMap<>();
    private int sockets;

    /**
     * @param workdir that targets are below which are not absolute
     * @param origins what {@code from} of a mount names; the context if it is empty
     */
    StepMounts(
            Workplace workplace,
            String workdir,
            Function<String, Origins.Tree> origins,
            BuildAccess access,
            BuiltInArguments builtIn) {
        this.workplace = workplace;
        this.workdir = workdir;
        this.origins = origins;
        this.access = access;
        this.builtIn = builtIn;
    }

    /** Makes all of them ready, and adds them in this order. Called once. */
    ContainerSpec add(ContainerSpec spec, List<RunMount> mounts) {
        hold(mounts.stream()
                .filter(RunMount.Cache.class::isInstance)
                .map(RunMount.Cache.class::cast)
                .toList());
        var all = spec;
        for (var mount : mounts) {
            all = add(all, mount);
        }
        return all;
    }

    private ContainerSpec add(ContainerSpec spec, RunMount mount) {
        if (mount instanceof RunMount.Bind bind) {
            return spec.mount(bind(bind));
        } else if (mount instanceof RunMount.Cache cache) {
            return spec.mount(cache(cache));
        } else if (mount instanceof RunMount.Tmpfs tmpfs) {
            return spec.mount(tmpfs(tmpfs));
        } else if (mount instanceof RunMount.Secret secret) {
            return secret(spec, secret);
        } else if (mount instanceof RunMount.Ssh ssh) {
            return ssh(spec, ssh);
        }
        throw new IllegalStateException("no such mount: " + mount);
    }

    /** A copy, so that neither a link of the context leads out, nor the program changes what it sees. */
    private Mount bind(RunMount.Bind bind) {
        var directory = directory();
        copy(origins.apply(bind.from()), bind.source(), directory, InRoot.path("data"));
        return Mount.bind(directory.resolve("data"), absolute(bind.target())).readOnly(bind.readOnly());
    }

    private static void copy(Origins.Tree tree, String path, Path directory, byte[] target) {
        tree.look(source -> {
            var owner = source.hasOwners() ? Optional.<BuildHost.Owner>empty() : Optional.of(BuildHost.Owner.ROOT);
            try (var root = Workplace.open("cannot mount files", directory);
                    var writing = new TreeWriting(
                            root,
                            directory.toString(),
                            new Stamp(owner, Optional.empty(), time -> time, Instant.EPOCH))) {
                writing.copy(source, source.only(path), target);
            }
            return Optional.<Void>empty();
        });
    }

    /**
     * Takes hold of all caches, each once, as the strictest of its mounts wants it. The order is the same for every step, and what a new one
     * is filled from is there before: so no two steps wait for each other.
     */
    private void hold(List<RunMount.Cache> wanted) {
        var strictest = new TreeMap<String, RunMount.Cache>();
        for (var cache : wanted) {
            strictest.merge(
                    builtIn.cacheId(cache.id()),
                    cache,
                    (one, other) ->
                            Comparator.comparing(RunMount.Cache::sharing).compare(one, other) < 0 ? other : one);
        }
        var trees = new HashMap<String, Origins.Tree>();
        for (var cache : strictest.values()) {
            if (!cache.from().isEmpty()) {
                trees.computeIfAbsent(cache.from(), origins);
            }
        }
        strictest.forEach((id, cache) -> {
            var sharing = BuildCache.Sharing.valueOf(cache.sharing().name());
            var tree = Optional.ofNullable(trees.get(cache.from()));
            var held = workplace.host().store().builds().use(id, sharing, fresh -> fill(cache, tree, fresh));
            resources.push(held);
            caches.put(id, held);
        });
    }

    private void fill(RunMount.Cache cache, Optional<Origins.Tree> from, Path fresh) {
        from.ifPresent(tree -> copy(tree, cache.source(), fresh, new byte[0]));
        try (var files = workplace.host().store().files(fresh)) {
            var now = Instant.now();
            files.directory(
                    new byte[0],
                    new Attributes(
                            cache.owner().uid().orElse(0),
                            cache.owner().gid().orElse(0),
                            cache.owner().mode().orElse(0755),
                            now,
                            now,
                            List.of()));
        }
    }

    private Mount cache(RunMount.Cache cache) {
        var held = Objects.requireNonNull(caches.get(builtIn.cacheId(cache.id())));
        return Mount.bind(held.data(), absolute(cache.target())).readOnly(cache.readOnly());
    }

    private Mount tmpfs(RunMount.Tmpfs tmpfs) {
        var asked =
                Mount.tmpfs(absolute(tmpfs.target())).readOnly(tmpfs.readOnly()).executable(true);
        return tmpfs.size().map(asked::size).orElse(asked);
    }

    private ContainerSpec secret(ContainerSpec spec, RunMount.Secret secret) {
        var known = Optional.ofNullable(access.secrets().get(secret.id()));
        if (known.isEmpty()) {
            if (secret.required()) {
                throw new NotFoundException(
                        "the build was given no secret " + secret.id(),
                        meant(secret.id(), access.secrets().keySet(), "add it with BuildSpec.secret"));
            }
            return spec;
        }
        var content = known.get().content();
        var all = secret.variable().isEmpty()
                ? spec
                : spec.env(secret.variable(), new String(content, StandardCharsets.UTF_8));
        if (secret.target().isEmpty()) {
            return all;
        }
        var file = file(
                content,
                secret.owner().mode().orElse(0400),
                secret.owner().uid().orElse(0),
                secret.owner().gid().orElse(0));
        return all.mount(Mount.bind(file, absolute(secret.target())).readOnly(true));
    }

    private ContainerSpec ssh(ContainerSpec spec, RunMount.Ssh ssh) {
        var agent = Optional.ofNullable(access.ssh().get(ssh.id()));
        if (agent.isEmpty()) {
            if (ssh.required()) {
                throw new NotFoundException(
                        "the build was given no ssh agent " + ssh.id(),
                        meant(ssh.id(), access.ssh().keySet(), "add it with BuildSpec.ssh"));
            }
            return spec;
        }
        var owner = ssh.owner();
        var directory = directory();
        var socket = AgentSocket.open(
                SshAgent.of(agent.get()),
                Workplace.open("cannot serve an ssh agent", directory),
                directory,
                owner.mode().orElse(0600),
                owner.uid().orElse(0),
                owner.gid().orElse(0));
        resources.push(socket);
        var target = ssh.target().isEmpty() ? "/run/buildkit/ssh_agent." + sockets++ : absolute(ssh.target());
        return spec.mount(Mount.bind(socket.path(), target)).env("SSH_AUTH_SOCK", target);
    }

    private static String meant(String missing, Set<String> given, String otherwise) {
        return Spelling.nearest(missing, given)
                .map(near -> "did you mean " + near + "?")
                .orElse(otherwise);
    }

    private String absolute(String target) {
        return InRoot.shown(InRoot.path(target.startsWith("/") ? target : workdir + "/" + target));
    }

    /** One that goes when the step ends. */
    private Path directory() {
        var directory = workplace.makeDirectory();
        resources.push(() -> workplace.remove(directory));
        return directory;
    }

    /** A file that goes when the step ends. */
    Path file(byte[] content, int mode, int uid, int gid) {
        var directory = directory();
        try (var files = workplace.host().store().files(directory);
                var sink = files.file(
                        InRoot.path("data"), new Attributes(uid, gid, mode, Instant.EPOCH, Instant.EPOCH, List.of()))) {
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
