package dev.cais.image.dockerfile;

import dev.cais.BuildAdd;
import dev.cais.BuildCopy;
import dev.cais.BuildInstruction;
import dev.cais.BuildLayer;
import dev.cais.BuildMount;
import dev.cais.BuildOrigin;
import dev.cais.BuildRun;
import dev.cais.BuildStage;
import dev.cais.HealthCheck;
import dev.cais.Platform;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Instructions of a program on one line each, much as a Dockerfile would have them: for people, in messages, events and histories. */
final class CallText {
    private final Function<BuildOrigin, String> names;

    /** @param names of stages, images and contexts */
    CallText(Function<BuildOrigin, String> names) {
        this.names = names;
    }

    String from(BuildStage stage, String name) {
        var platform = stage.platform().map(Platform::toString).orElse("");
        return line(List.of("FROM" + option("platform", platform), names.apply(stage.base()), "AS", name));
    }

    String of(BuildInstruction instruction) {
        if (instruction instanceof BuildRun run) {
            return run(run);
        } else if (instruction instanceof BuildCopy copy) {
            return line(List.of(
                    "COPY" + option("from", names.apply(copy.from())) + option("chown", copy.owner())
                            + option("chmod", copy.mode()) + (copy.link() ? " --link" : "")
                            + (copy.parents() ? " --parents" : "") + excludes(copy.excludes()),
                    words(copy.sources()),
                    copy.destination()));
        } else if (instruction instanceof BuildAdd add) {
            return line(List.of(
                    "ADD" + option("chown", add.owner()) + option("chmod", add.mode()) + (add.link() ? " --link" : "")
                            + option("checksum", add.checksum()) + excludes(add.excludes()),
                    words(add.sources()),
                    add.destination()));
        } else if (instruction instanceof BuildLayer layer) {
            return line(List.of("LAYER", files(layer)));
        }
        return setting(instruction);
    }

    private static String setting(BuildInstruction instruction) {
        if (instruction instanceof BuildInstruction.Arg arg) {
            return line(List.of(
                    "ARG", arg.name() + arg.value().map(value -> "=" + value).orElse("")));
        } else if (instruction instanceof BuildInstruction.Cmd cmd) {
            return line(List.of("CMD", program(cmd.shell(), cmd.words())));
        } else if (instruction instanceof BuildInstruction.Entrypoint entrypoint) {
            return line(List.of("ENTRYPOINT", program(entrypoint.shell(), entrypoint.words())));
        } else if (instruction instanceof BuildInstruction.Env env) {
            return line(List.of("ENV", pairs(env.variables())));
        } else if (instruction instanceof BuildInstruction.Expose expose) {
            return line(List.of("EXPOSE", words(expose.ports())));
        } else if (instruction instanceof BuildInstruction.Health health) {
            return line(List.of("HEALTHCHECK", check(health.check())));
        } else if (instruction instanceof BuildInstruction.Label label) {
            return line(List.of("LABEL", pairs(label.labels())));
        } else if (instruction instanceof BuildInstruction.Maintainer maintainer) {
            return line(List.of("MAINTAINER", maintainer.name()));
        } else if (instruction instanceof BuildInstruction.OnBuild onBuild) {
            return line(List.of("ONBUILD", onBuild.trigger()));
        } else if (instruction instanceof BuildInstruction.Shell shell) {
            return line(List.of("SHELL", program(false, shell.command())));
        } else if (instruction instanceof BuildInstruction.StopSignal stop) {
            return line(List.of("STOPSIGNAL", stop.signal()));
        } else if (instruction instanceof BuildInstruction.User user) {
            return line(List.of("USER", user.user()));
        } else if (instruction instanceof BuildInstruction.Volume volume) {
            return line(List.of("VOLUME", words(volume.paths())));
        } else if (instruction instanceof BuildInstruction.Workdir workdir) {
            return line(List.of("WORKDIR", workdir.path()));
        }
        throw new IllegalStateException("no such instruction: " + instruction);
    }

    private String run(BuildRun run) {
        var text = new StringBuilder("RUN");
        for (var mount : run.mounts()) {
            text.append(" --mount=");
            text.append(options(mount).entrySet().stream()
                    .map(option -> option.getKey() + "=" + option.getValue())
                    .collect(Collectors.joining(",")));
        }
        if (run.network() != BuildRun.Network.DEFAULT) {
            text.append(option("network", run.network().toString().toLowerCase(Locale.ROOT)));
        }
        if (run.insecure()) {
            text.append(option("security", "insecure"));
        }
        for (var device : run.devices()) {
            text.append(option("device", device.name() + (device.required() ? ",required" : "")));
        }
        return line(List.of(text.toString(), program(run.shell(), run.words())));
    }

    /** A mount as the options of {@code --mount}. */
    Map<String, String> options(BuildMount mount) {
        var options = new LinkedHashMap<String, String>();
        if (mount instanceof BuildMount.Bind bind) {
            options.put("type", "bind");
            put(options, "from", names.apply(bind.from()));
            options.put("source", bind.source());
            options.put("readonly", Boolean.toString(bind.readOnly()));
        } else if (mount instanceof BuildMount.Cache cache) {
            options.put("type", "cache");
            options.put("id", cache.id());
            options.put("sharing", cache.sharing().toString().toLowerCase(Locale.ROOT));
            owner(options, cache.mode(), cache.uid(), cache.gid());
        } else if (mount instanceof BuildMount.Tmpfs tmpfs) {
            options.put("type", "tmpfs");
            tmpfs.size().ifPresent(size -> options.put("size", Long.toString(size.bytes())));
        } else if (mount instanceof BuildMount.Secret secret) {
            options.put("type", "secret");
            options.put("id", secret.id());
            options.put("required", "true");
            put(options, "env", secret.variable());
            owner(options, secret.mode(), secret.uid(), secret.gid());
        } else if (mount instanceof BuildMount.Ssh ssh) {
            options.put("type", "ssh");
            options.put("id", ssh.id());
            options.put("required", "true");
            owner(options, ssh.mode(), ssh.uid(), ssh.gid());
        }
        put(options, "target", mount.target());
        return options;
    }

    private static void owner(Map<String, String> options, OptionalInt mode, OptionalInt uid, OptionalInt gid) {
        mode.ifPresent(bits -> options.put("mode", Integer.toOctalString(bits)));
        uid.ifPresent(number -> options.put("uid", Integer.toString(number)));
        gid.ifPresent(number -> options.put("gid", Integer.toString(number)));
    }

    private static void put(Map<String, String> options, String name, String value) {
        if (!value.isEmpty()) {
            options.put(name, value);
        }
    }

    static String files(BuildLayer layer) {
        var entries = layer.entries();
        return entries.isEmpty()
                ? "empty"
                : entries.get(0).path() + (entries.size() == 1 ? "" : " and " + (entries.size() - 1) + " more");
    }

    private static String check(HealthCheck check) {
        return switch (check.form()) {
            case NONE -> "NONE";
            case EXEC -> "CMD " + program(false, check.command());
            case SHELL -> "CMD " + check.command().get(0);
        };
    }

    private static String option(String name, String value) {
        return value.isEmpty() ? "" : " --" + name + "=" + value;
    }

    private static String excludes(List<String> patterns) {
        return patterns.stream().map(each -> option("exclude", each)).collect(Collectors.joining());
    }

    private static String program(boolean shell, List<String> words) {
        return shell ? words.get(0) : words.stream().map(CallText::quoted).collect(Collectors.joining(", ", "[", "]"));
    }

    private static String quoted(String word) {
        return "\"" + word.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    private static String pairs(Map<String, String> pairs) {
        var words = new ArrayList<String>();
        pairs.forEach((name, value) -> words.add(name + "=" + value));
        return words(words);
    }

    private static String words(Collection<String> words) {
        return String.join(" ", words);
    }

    private static String line(List<String> parts) {
        return String.join(" ", parts).replace("\r", "\\r").replace("\n", "\\n");
    }
}
