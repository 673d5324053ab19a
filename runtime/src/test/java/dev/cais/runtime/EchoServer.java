package dev.cais.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cais.ContainerSpec;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** A container that sends back what comes to its port 80, and who asks it. */
final class EchoServer {
    static final ContainerSpec SPEC = ContainerSpec.of("busybox").command("sh", "-c", "exec nc -ll -p 80 -e cat");

    /** In milliseconds. */
    private static final int PATIENCE = 60_000;

    private EchoServer() {}

    static void assertEchoes(InetAddress address, int port) throws IOException {
        try (var socket = new Socket(address, port)) {
            socket.setSoTimeout(PATIENCE);
            socket.getOutputStream().write("ping\n".getBytes(StandardCharsets.US_ASCII));
            assertThat(socket.getInputStream().readNBytes(5)).asString().isEqualTo("ping\n");
        }
    }
}
