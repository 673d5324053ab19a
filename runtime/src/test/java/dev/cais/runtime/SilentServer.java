package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.cais.BuildSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;

/** A server of ssh that never answers, on loopback: its client waits until somebody ends it. */
final class SilentServer implements AutoCloseable {
    private static final int MOST_MILLIS = 60_000;

    private final ServerSocket socket;

    SilentServer() throws IOException {
        this.socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    int port() {
        return socket.getLocalPort();
    }

    /** Cancels a build when its client waits here, and sees that the client is ended; returns what the build failed with. */
    Throwable cancel(TestBuilds builds, BuildSpec spec) throws IOException {
        var building = new FutureTask<>(() -> builds.build(spec));
        var thread = new Thread(building);
        thread.start();
        socket.setSoTimeout(MOST_MILLIS);
        try (var connected = socket.accept()) {
            connected.setSoTimeout(MOST_MILLIS);
            var in = connected.getInputStream();
            assertThat(in.read()).isEqualTo('S'); // SH-2.0-…: it runs, and waits for an answer
            thread.interrupt();
            var failure = catchThrowable(() -> building.get(MOST_MILLIS, TimeUnit.MILLISECONDS));
            assertThat(failure).isInstanceOf(ExecutionException.class);
            while (in.read() >= 0) {
                // the rest of what it had to say; then it is gone
            }
            return Objects.requireNonNull(failure.getCause());
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
