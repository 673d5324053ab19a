package dev.cais.runtime.ssh;

import dev.cais.BuildException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;

/** The caller's agent. An agent answers its own user alone, and the program may be another: so it is spoken to from here. */
record ForwardedAgent(Path socket) implements SshAgent {
    static ForwardedAgent at(Path socket) {
        try (var tried = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            assert tried.isConnected();
        } catch (IOException | IllegalArgumentException e) {
            throw new BuildException(
                    "there is no ssh agent at " + socket, Map.of("cause", String.valueOf(e.getMessage())), "", e);
        }
        return new ForwardedAgent(socket);
    }

    @Override
    public Talk talk() throws IOException {
        var channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        return new Talk() {
            @Override
            public byte[] answer(byte[] question) throws IOException {
                Messages.write(channel, question);
                return Messages.read(channel);
            }

            @Override
            public void close() throws IOException {
                channel.close();
            }
        };
    }
}
