package dev.cais.runtime;

import dev.cais.ConflictException;
import dev.cais.Connection;
import dev.cais.ContainerProcess;
import dev.cais.KernelException;
import dev.cais.ListeningPort;
import dev.cais.Protocol;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** What is seen from within a running container: processes, ports, files. Needs no program of its image. */
final class InsideView {
    private final LocalContainer container;
    private final Standing standing;
    private final Launcher launcher;

    InsideView(LocalContainer container, Standing standing, Launcher launcher) {
        this.container = container;
        this.standing = standing;
        this.launcher = launcher;
    }

    List<ContainerProcess> processes() {
        var running = standing.requireAlive("cannot list the processes of");
        return ProcessTable.read(running.processes(), running.process().hostPid());
    }

    List<ListeningPort> listeningPorts() {
        return look("cannot see the ports of", process -> new NetworkTables().listening(process.hostPid()));
    }

    boolean hasFile(String path) {
        return look("cannot look for " + path + " in", process -> RunningRoot.has(process.hostPid(), path));
    }

    /** Looks at something by the first process's number, which must be its own all the while. */
    private <T> T look(String cannot, Function<ContainedProcess, T> look) {
        var run = standing.requireAlive(cannot);
        var process = run.process();
        try {
            var seen = look.apply(process);
            if (process.isRunning()) {
                return seen;
            }
        } catch (KernelException e) {
            if (process.isRunning()) {
                throw e;
            }
        }
        throw standing.ended(run, cannot);
    }

    Connection connect(int port, Duration timeout) {
        var cannot = "cannot connect to port " + port + " of";
        var process = standing.requireAlive(cannot).process();
        var listening = listeningPorts().stream()
                .filter(each -> each.protocol() == Protocol.TCP)
                .toList();
        var address = NetworkTables.reachable(listening, port)
                .orElseThrow(() -> new ConflictException(
                        cannot + " container " + container.name() + ": nobody listens there",
                        Map.of("listening", listening),
                        ""));
        try (var entered = process.duplicate().orElseThrow(() -> standing.notRunning(cannot))) {
            return launcher.connect(container.name(), process, entered, address, timeout);
        }
    }
}
