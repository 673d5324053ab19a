package dev.cais.image.registry;

import dev.cais.Descriptor;
import dev.cais.EngineException;
import java.io.IOException;

/** Who has blobs. As text, its name. */
interface BlobSource {
    /**
     * One try to get a blob's bytes from some byte on; the answer is a success, or 416.
     *
     * @throws IOException if another try may have more luck
     */
    Response open(Descriptor blob, long offset, Task task) throws IOException;

    /** How often one tries again without progress. */
    int retries();

    /** What a failure means to the user, when nothing is tried any more. */
    EngineException failed(IOException failure, Task task);
}
