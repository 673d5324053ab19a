package dev.cais;

import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;

/**
 * A directory of the store that outlives the containers that use it, and the engine that made it; to be mounted with {@link
 * ContainerSpec#mount(Volume, String)}.
 */
public interface Volume {
    String name();

    /** By key, in order. */
    Map<String, String> labels();

    Instant createdAt();

    /** Whether it was made without a name, so that {@link Volumes#prune()} removes it when nothing uses it. */
    boolean isAnonymous();

    /**
     * The directory with its files, on the host: root's, and to be read with care, since containers may put links there that lead
     * anywhere.
     */
    Path path();

    /**
     * Removes it with all in it.
     *
     * @throws ConflictException if a container uses it, running or not, of whichever engine
     * @throws NotFoundException if it is gone
     */
    void remove();

    /** @throws InvalidSpecException if no volume can have that name */
    static void requireName(String name) {
        if (!name.matches("[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}")) {
            throw new InvalidSpecException(
                    "cannot name a volume '" + name.replace('\0', '?')
                            + "': it is not two or more letters, digits, '_', '.' and '-', the first a letter or digit",
                    "for a directory of the host, use bind(Path.of(…), …)");
        }
    }
}
