package dev.cais;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A mount as a container has it.
 *
 * @param mount what its spec asked for, or its image by a {@code VOLUME}
 * @param volume name of the volume, a made-up one for an anonymous volume; empty if it is none
 * @param source on the host: what is mounted, a volume's subpath left out; none for memory and images
 * @param image id of the image that is mounted
 */
public record MountPoint(Mount mount, String volume, Optional<Path> source, Optional<Digest> image) {
    /** Where in the container. */
    public String target() {
        return mount.target();
    }
}
