package dev.cais.runtime;

import dev.cais.linux.FileCalls;
import dev.cais.runtime.launch.Deputy;
import dev.cais.runtime.launch.Launch;
import dev.cais.runtime.launch.UserNamespace;
import java.nio.file.Path;

/** A plain user's user namespace and a deputy in it, without an engine. */
record Deputized(UserNamespace namespace, Deputy deputy, FileCalls.Appointment appointment) implements AutoCloseable {
    static Deputized create() {
        var launch = new Launch(Path.of(System.getProperty("java.io.tmpdir")));
        var namespace = UserNamespace.create(launch);
        var deputy = new Deputy(launch, namespace);
        return new Deputized(namespace, deputy, FileCalls.appoint(deputy));
    }

    @Override
    public void close() {
        appointment.close();
        deputy.close();
        namespace.close();
    }
}
