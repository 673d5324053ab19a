package dev.cais.runtime;

import dev.cais.ContainerExitedException;
import dev.cais.EngineException;
import dev.cais.InvalidSpecException;
import dev.cais.KernelException;
import dev.cais.NotFoundException;
import dev.cais.linux.Errno;
import dev.cais.runtime.launch.LaunchProgram;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What to say when a step of a start fails.
 *
 * @param what as in {@code cannot start web}
 * @param blueprint of the process that was to be
 * @param tree of its image, to look at what could not be executed
 */
record StartFailure(String what, LaunchProgram program, Blueprint blueprint, Supplier<LayerTree> tree) {
    private static final Logger LOG = LoggerFactory.getLogger(StartFailure.class);
    private static final Blueprint NONE =
            new Blueprint(List.of(""), Map.of(), new Accounts.Identity(0, 0, List.of(), "/"), "/");

    StartFailure(String what, LaunchProgram program) {
        this(what, program, NONE, () -> new LayerTree(List.of()));
    }

    /** @param report of the failed step, as the program sent it; nothing if it had no time to */
    EngineException explain(byte[] report) {
        if (report.length == 0) {
            return new ContainerExitedException(
                    what + ": something killed a process of its start", "see whether the host ran out of memory");
        }
        var failure = program.failure(what, report);
        LOG.debug("{}; its launch program:\n{}", failure.getMessage(), program.listing());
        return switch (failure.call()) {
            case "execve" -> notExecuted(failure);
            case "chdir" -> failure.help().equals(ProcessSteps.WORKDIR_HELP) ? notEntered(failure) : failure;
            default -> failure;
        };
    }

    private EngineException notExecuted(KernelException failure) {
        var named = blueprint.arguments().get(0);
        var hasSlash = named.indexOf('/') >= 0;
        return switch (Errno.of(failure.errno())) {
            case ENOENT, ENOTDIR ->
                hasSlash
                        ? missing(failure, named)
                        : new NotFoundException(
                                what + ": " + named + " is not in the PATH of the container",
                                Map.of("PATH", blueprint.env().getOrDefault("PATH", "")),
                                "check the command's spelling, or name the whole path",
                                failure);
            case ENOEXEC ->
                new InvalidSpecException(
                        what + ": " + named + " cannot be executed: it is no program for this processor ("
                                + System.getProperty("os.arch") + "), nor a script with an interpreter",
                        Map.of(),
                        "use an image for this platform",
                        failure);
            default ->
                new InvalidSpecException(
                        what + ": " + named + " cannot be executed: " + failure.errnoName(),
                        Map.of(),
                        "make it executable for the user it runs as",
                        failure);
        };
    }

    /** The kernel says the same of a missing program and of a missing interpreter. */
    private EngineException missing(KernelException failure, String named) {
        var path = named.startsWith("/") ? named : blueprint.workdir() + "/" + named;
        if (tree.get().resolve(path).isPresent()) {
            return new NotFoundException(
                    what + ": the image has " + named + ", but not the interpreter that it names",
                    Map.of(),
                    "see its first line, or what file(1) tells of it: it may need another C library's loader",
                    failure);
        }
        return new NotFoundException(
                what + ": there is no " + named + " in the container",
                Map.of(),
                "check the command's spelling",
                failure);
    }

    private EngineException notEntered(KernelException failure) {
        return new InvalidSpecException(
                what + ": it cannot enter its working directory " + blueprint.workdir() + ": " + failure.errnoName(),
                Map.of("user", blueprint.identity().uid()),
                ProcessSteps.WORKDIR_HELP,
                failure);
    }
}
