package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * What a process in a container is to be: a spec and its image put together, everything looked up, nothing done yet.
 *
 * @param arguments program first; never empty
 * @param env in order
 * @param identity who it runs as
 * @param workdir absolute
 */
record Blueprint(List<String> arguments, Map<String, String> env, Accounts.Identity identity, String workdir) {
    private static final String DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /** A container's first process. */
    static Blueprint of(ContainerSpec spec, ImageConfig image, Accounts accounts, String hostname) {
        var user = spec.user().isEmpty() ? image.user() : spec.user();
        var identity = accounts.join(accounts.identify(user), spec.groups());
        var env = new LinkedHashMap<String, String>();
        env.put("PATH", DEFAULT_PATH);
        env.put("HOSTNAME", hostname);
        for (var variable : image.env()) {
            var equals = variable.indexOf('=');
            if (equals > 0) {
                env.put(variable.substring(0, equals), variable.substring(equals + 1));
            }
        }
        env.putAll(spec.env());
        env.putIfAbsent("HOME", identity.home());
        var workdir = spec.workdir().isEmpty() ? image.workdir() : spec.workdir();
        return new Blueprint(arguments(spec, image), env, identity, workdir.isEmpty() ? "/" : workdir);
    }

    /** The same, run as somebody else. */
    Blueprint as(UnaryOperator<Accounts.Identity> change) {
        return new Blueprint(arguments, env, change.apply(identity), workdir);
    }

    /** Another process beside it: its own command, and what it says differently. */
    Blueprint exec(
            List<String> command, Map<String, String> moreEnv, Accounts.Identity otherIdentity, String otherWorkdir) {
        var merged = new LinkedHashMap<>(env);
        if (!otherIdentity.equals(identity)) {
            merged.put("HOME", otherIdentity.home());
        }
        merged.putAll(moreEnv);
        return new Blueprint(command, merged, otherIdentity, otherWorkdir.isEmpty() ? workdir : otherWorkdir);
    }

    /** An entrypoint of the spec's drops the image's command too, as Docker does. */
    private static List<String> arguments(ContainerSpec spec, ImageConfig image) {
        var arguments = new ArrayList<>(spec.entrypoint().orElse(image.entrypoint()));
        arguments.addAll(spec.command().orElse(spec.entrypoint().isPresent() ? List.of() : image.command()));
        if (arguments.isEmpty()) {
            throw new InvalidSpecException(
                    "cannot start " + spec.image() + ": neither the spec nor the image names a command",
                    "add command(…)");
        }
        if (arguments.get(0).isEmpty()) {
            throw new InvalidSpecException(
                    "cannot start " + spec.image() + ": the program's name is empty", "name one");
        }
        return arguments;
    }

    /** The files to try, in order: one with a slash as it is, others in each directory of PATH. */
    List<String> candidates() {
        var program = arguments.get(0);
        if (program.indexOf('/') >= 0) {
            return List.of(program);
        }
        var found = new ArrayList<String>();
        for (var directory : env.getOrDefault("PATH", DEFAULT_PATH).split(":", -1)) {
            found.add((directory.isEmpty() ? "." : directory) + "/" + program);
        }
        return found;
    }

    List<String> environment() {
        return env.entrySet().stream()
                .map(variable -> variable.getKey() + "=" + variable.getValue())
                .toList();
    }
}
