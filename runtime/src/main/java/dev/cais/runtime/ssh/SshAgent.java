package dev.cais.runtime.ssh;

import dev.cais.BuildException;
import dev.cais.InvalidSpecException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Who has keys, and signs with them. For many threads. */
public interface SshAgent {
    /** Ready to be asked by one program. */
    Talk talk() throws IOException;

    /** One question after the other. */
    interface Talk extends Closeable {
        /** @param question a message of the protocol without its length */
        byte[] answer(byte[] question) throws IOException;
    }

    /**
     * The caller's own agent, or one that has keys of files, which are read now.
     *
     * @param paths a socket; or files of keys in OpenSSH's form or PEM, not encrypted
     * @throws BuildException if there is no agent behind the socket
     * @throws InvalidSpecException if a file is no key, or encrypted
     * @throws dev.cais.NotFoundException if one of several is not there
     */
    static SshAgent of(List<Path> paths) {
        if (paths.size() == 1 && !Files.isRegularFile(paths.get(0))) {
            return ForwardedAgent.at(paths.get(0));
        }
        return new KeyAgent(paths.stream().map(KeyFile::read).toList());
    }
}
