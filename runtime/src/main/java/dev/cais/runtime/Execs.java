package dev.cais.runtime;

import dev.cais.AttachOptions;
import dev.cais.ContainerSpec.Stdin;
import dev.cais.EventAction;
import dev.cais.ExecSpec;
import dev.cais.ExitStatus;
import dev.cais.InvalidSpecException;
import dev.cais.ProcessResult;
import dev.cais.runtime.log.OutputLog;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Processes beside containers' first ones: started, told of, and waited for. */
final class Execs {
    private final LocalEngine engine;
    private final CapturedOutput captured;

    Execs(LocalEngine engine, CapturedOutput captured) {
        this.engine = engine;
        this.captured = captured;
    }

    /** A process beside a container's first, of which events tell. */
    private record ToldExec(LocalContainer container, String id, String command) implements ProcessStreams.Users {
        static ToldExec of(LocalContainer container, ExecSpec spec) {
            var id = container.id().substring(0, 12) + "-" + container.nextExec();
            return new ToldExec(container, id, String.join(" ", spec.command()));
        }

        void tell(EventAction action) {
            container.tell(action, "execID", id, "command", command);
        }

        void tellEnd(ExitStatus status) {
            container.tell(
                    EventAction.EXEC_DIE,
                    "execID",
                    id,
                    "exitCode",
                    String.valueOf(status.exitCode()),
                    "signal",
                    status.signal().orElse(""));
        }

        @Override
        public void detached() {
            tell(EventAction.EXEC_DETACH);
        }
    }

    private ProcessStreams streams(
            LocalContainer container, ExecSpec spec, Stdin stdin, @Nullable OutputLog log, ProcessStreams.Users users) {
        return new ProcessStreams(
                engine.loop(),
                spec.command().get(0) + " in container " + container.name(),
                spec.terminal(),
                stdin,
                container.files().directory(),
                log,
                users);
    }

    /** Starts one, attached to from its first byte on. */
    LocalExec start(LocalContainer container, Run run, ExecSpec spec) {
        var told = ToldExec.of(container, spec);
        return start(container, spec, told, streams -> startTold(told, run, spec, streams));
    }

    /** The same for a health check, of which nobody is told. */
    LocalExec startCheck(LocalContainer container, Run run, ExecSpec spec) {
        return start(
                container,
                spec,
                ProcessStreams.Users.UNTOLD,
                streams -> engine.launcher().startExec(container, run, spec, streams));
    }

    private LocalExec start(
            LocalContainer container,
            ExecSpec spec,
            ProcessStreams.Users users,
            Function<ProcessStreams, ExecProcess> start) {
        LocalContainers.requireNotInterrupted("cannot exec in container " + container.name());
        // who detaches from a pipe can never write to it again; a terminal outlives its users
        var open = spec.terminal() ? Stdin.OPEN : Stdin.ONCE;
        var streams = streams(container, spec, spec.stdinOpen() ? open : Stdin.NONE, null, users);
        try (var undo = new Undo()) {
            undo.addStep(streams::ended);
            var attachment = streams.attach(AttachOptions.defaults());
            var process = start.apply(streams);
            undo.keepAll();
            return new LocalExec(streams.what(), spec, process, attachment);
        }
    }

    private ExecProcess startTold(ToldExec told, Run run, ExecSpec spec, ProcessStreams streams) {
        told.tell(EventAction.EXEC_CREATE);
        var process = engine.launcher().startExec(told.container(), run, spec, streams);
        told.tell(EventAction.EXEC_START);
        process.follow(told::tellEnd);
        return process;
    }

    /** Waits for its end. */
    ProcessResult run(LocalContainer container, Run run, ExecSpec spec) {
        LocalContainers.requireNotInterrupted("cannot exec in container " + container.name());
        if (spec.stdinOpen()) {
            throw new InvalidSpecException(
                    "cannot exec " + spec.command().get(0) + " in container " + container.name()
                            + " and wait for its end: nobody could write to its open stdin",
                    "use startExec, or give the bytes beforehand by stdin(...)");
        }
        var started = System.nanoTime();
        var told = ToldExec.of(container, spec);
        var id = told.id();
        var log = OutputLog.captured(id, container.files().directory().resolve("exec-" + id));
        var streams = streams(container, spec, Stdin.NONE, log, ProcessStreams.Users.UNTOLD);
        try (var process = startTold(told, run, spec, streams)) {
            var status = process.await(
                    "exec of " + spec.command().get(0) + " in container " + container.name(), spec.timeout());
            return captured.result(id, log, status, started);
        } finally {
            log.delete();
        }
    }
}
