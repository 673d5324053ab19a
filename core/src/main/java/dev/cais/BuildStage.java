package dev.cais;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A stage of a build without a Dockerfile: what it begins with, and what is done then. The methods return changed copies, so several
 * stages may go on from one, and steps that they share are carried out once. Stages refer to each other as values; {@link
 * BuildSpec#stage} builds one, and those that it needs.
 *
 * <pre>{@code
 * var tools = BuildStage.from("debian").run("apt-get update && apt-get install -y gcc");
 * var built = tools.copy("hello.c", "/src/").run("gcc -static -o /hello /src/hello.c");
 * var hello = BuildStage.scratch().copyFrom(built, "/hello", "/hello").entrypoint("/hello");
 * }</pre>
 *
 * <p>Texts are what they are: no variable is replaced in them but by the shell that runs them. Two stages are the same only if they
 * are the same object.
 */
public final class BuildStage implements BuildOrigin {
    private final BuildOrigin base;
    private final String name;
    private final Optional<Platform> platform;
    private final List<BuildInstruction> instructions;

    private BuildStage(
            BuildOrigin base, String name, Optional<Platform> platform, List<BuildInstruction> instructions) {
        this.base = base;
        this.name = name;
        this.platform = platform;
        this.instructions = instructions;
    }

    /** @param image its name; or that of a context of the build, which stands in its place */
    public static BuildStage from(String image) {
        return from(BuildOrigin.named(image));
    }

    /**
     * Goes on from another stage, which is a stage of its own.
     *
     * @throws InvalidSpecException if it is the build's own context
     */
    public static BuildStage from(BuildOrigin base) {
        if (base instanceof BuildOrigin.Context) {
            throw new InvalidSpecException("cannot begin a stage with the build's context", "name an image or a stage");
        }
        return new BuildStage(base, "", Optional.empty(), List.of());
    }

    /** Of nothing. */
    public static BuildStage scratch() {
        return from("scratch");
    }

    public BuildOrigin base() {
        return base;
    }

    /** In lower case; empty if it has none. */
    public String name() {
        return name;
    }

    /** That the image it begins with is for; empty for the build's own. */
    public Optional<Platform> platform() {
        return platform;
    }

    /** In order. */
    public List<BuildInstruction> instructions() {
        return instructions;
    }

    /**
     * What events, messages and {@link BuildSpec#target} call the stage.
     *
     * @throws InvalidSpecException if it is not a lower case letter, then lower case letters, digits, {@code _}, {@code .} and {@code -}
     */
    public BuildStage as(String changed) {
        if (!changed.matches("[a-z][a-z0-9_.-]*")) {
            throw new InvalidSpecException(
                    "cannot name a stage '" + changed.replaceAll("\\p{Cntrl}", "?")
                            + "': a name is a letter, then letters, digits, _, . and -",
                    "write it in lower case");
        }
        return new BuildStage(base, changed, platform, instructions);
    }

    public BuildStage platform(Platform changed) {
        return new BuildStage(base, name, Optional.of(changed), instructions);
    }

    /** Adds any instruction. */
    public BuildStage then(BuildInstruction next) {
        var all = new ArrayList<>(instructions);
        all.add(next);
        return new BuildStage(base, name, platform, List.copyOf(all));
    }

    /** Runs a line, or many, in the image's shell. */
    public BuildStage run(String lines) {
        return then(BuildRun.shell(lines));
    }

    public BuildStage run(BuildRun run) {
        return then(run);
    }

    /** From the build's own context. */
    public BuildStage copy(String source, String destination) {
        return then(BuildCopy.of(source, destination));
    }

    public BuildStage copy(BuildCopy copy) {
        return then(copy);
    }

    /** @param from a stage, or {@link BuildOrigin#named} an image or a context */
    public BuildStage copyFrom(BuildOrigin from, String source, String destination) {
        return then(BuildCopy.of(source, destination).from(from));
    }

    public BuildStage add(String source, String destination) {
        return then(BuildAdd.of(source, destination));
    }

    public BuildStage add(BuildAdd add) {
        return then(add);
    }

    /**
     * Adds a layer of files that this program has: {@code layer(l -> l.file("/app/config.yml", bytes).link("/app/current", "v1"))}.
     *
     * @param fill is given {@link BuildLayer#EMPTY}
     */
    public BuildStage layer(UnaryOperator<BuildLayer> fill) {
        return then(fill.apply(BuildLayer.EMPTY));
    }

    public BuildStage env(String variable, String value) {
        return then(new BuildInstruction.Env(Map.of(variable, value)));
    }

    /** Only programs of this stage see it, as a variable. */
    public BuildStage arg(String argument, String value) {
        return then(new BuildInstruction.Arg(argument, Optional.of(value)));
    }

    /** What the build gives for the argument, if anything. */
    public BuildStage arg(String argument) {
        return then(new BuildInstruction.Arg(argument, Optional.empty()));
    }

    public BuildStage label(String key, String value) {
        return then(new BuildInstruction.Label(Map.of(key, value)));
    }

    public BuildStage workdir(String path) {
        return then(new BuildInstruction.Workdir(path));
    }

    /** @param user as in {@code user[:group]}, by name or number */
    public BuildStage user(String user) {
        return then(new BuildInstruction.User(user));
    }

    /** @param ports as in {@code 80}, {@code 80/udp} or {@code 8000-8010} */
    public BuildStage expose(String... ports) {
        return then(new BuildInstruction.Expose(List.of(ports)));
    }

    public BuildStage volume(String... paths) {
        return then(new BuildInstruction.Volume(List.of(paths)));
    }

    /** What a container runs, or what its entry point is given. */
    public BuildStage cmd(String... command) {
        return then(new BuildInstruction.Cmd(false, List.of(command)));
    }

    /** The same as a line for the image's shell. */
    public BuildStage cmdShell(String line) {
        return then(new BuildInstruction.Cmd(true, List.of(line)));
    }

    /** Drops the command of the image that the stage began with. */
    public BuildStage entrypoint(String... command) {
        return then(new BuildInstruction.Entrypoint(false, List.of(command)));
    }

    /** The same as a line for the image's shell. */
    public BuildStage entrypointShell(String line) {
        return then(new BuildInstruction.Entrypoint(true, List.of(line)));
    }

    /** What runs lines from here on. */
    public BuildStage shell(String... command) {
        return then(new BuildInstruction.Shell(List.of(command)));
    }

    /** @param signal by name or number */
    public BuildStage stopSignal(String signal) {
        return then(new BuildInstruction.StopSignal(signal));
    }

    public BuildStage healthCheck(HealthCheck check) {
        return then(new BuildInstruction.Health(check));
    }

    /** @param trigger an instruction as a Dockerfile has it, for builds that begin with the image */
    public BuildStage onBuild(String trigger) {
        return then(new BuildInstruction.OnBuild(trigger));
    }

    public BuildStage maintainer(String author) {
        return then(new BuildInstruction.Maintainer(author));
    }

    /** As in {@code BuildStage[tools, 2 steps on debian]}. */
    @Override
    public String toString() {
        var on = base instanceof BuildStage stage ? "stage " + (stage.name.isEmpty() ? "…" : stage.name) : base;
        return "BuildStage[" + (name.isEmpty() ? "" : name + ", ") + instructions.size() + " steps on " + on + "]";
    }
}
