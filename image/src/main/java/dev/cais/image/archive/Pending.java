package dev.cais.image.archive;

import java.io.IOException;

/** What is written, and seen by nobody until it is published. Closed before that, it vanishes. */
public interface Pending extends AutoCloseable {
    void publish() throws IOException;

    @Override
    void close() throws IOException;
}
