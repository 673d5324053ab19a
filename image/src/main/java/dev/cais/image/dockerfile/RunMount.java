package dev.cais.image.dockerfile;

import dev.cais.ByteSize;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a {@code RUN} sees in its file system besides that of its stage, {@code --mount} with its variables' values. A target that is
 * not absolute is below the working directory; a {@code from} is empty for the build's context.
 *
 * @see <a href="https://docs.docker.com/reference/dockerfile/#run---mount">Dockerfile reference, RUN --mount</a>
 */
public sealed interface RunMount {
    /** {@code type=bind}: what is written goes away with the step. */
    record Bind(String from, String source, String target, boolean readOnly) implements RunMount {}

    /**
     * {@code type=cache}: a directory that outlives the build.
     *
     * @param id the target, unless another is given
     * @param from what a new one holds; empty for nothing
     * @param owner of a new one
     */
    record Cache(
            String id, String from, String source, String target, boolean readOnly, Sharing sharing, Ownership owner)
            implements RunMount {}

    /** {@code type=tmpfs}. */
    record Tmpfs(String target, Optional<ByteSize> size, boolean readOnly) implements RunMount {}

    /**
     * {@code type=secret}: as a file, as a variable, or both.
     *
     * @param target of the file; empty if there is only a variable
     * @param variable or empty
     * @param required whether the build fails without it
     */
    record Secret(String id, String target, String variable, boolean required, Ownership owner) implements RunMount {}

    /**
     * {@code type=ssh}: a socket of an agent.
     *
     * @param target empty for one of the builder's choice
     */
    record Ssh(String id, String target, boolean required, Ownership owner) implements RunMount {}

    /** Who uses a cache at the same time. */
    enum Sharing {
        SHARED,
        /** Each of several has one of its own. */
        PRIVATE,
        /** One waits for the other. */
        LOCKED
    }

    /**
     * Mode and owner of a file; those that are not given are the kind of mount's own.
     *
     * @param mode permission bits
     */
    record Ownership(OptionalInt mode, OptionalInt uid, OptionalInt gid) {}
}
