package dev.cais.runtime.build;

import dev.cais.ContainerSpec;
import dev.cais.ExitStatus;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.LogStream;
import dev.cais.image.ImageCatalog;
import dev.cais.linux.Fd;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.Store;
import java.util.function.BiConsumer;

/** What an engine does for builds. */
public interface BuildHost {
    Store store();

    ImageCatalog images();

    ImageLimits limits();

    /** A user and a group by number, 0 to 2³²−2. */
    record Owner(long uid, long gid) {
        static final Owner ROOT = new Owner(0, 0);
    }

    /**
     * Who {@code user[:group]} is by the files of an image.
     *
     * @throws dev.cais.NotFoundException if a name is not there
     */
    Owner owner(Image image, String text);

    /** The root of a container that does not run, to be changed; it is mounted as long as the descriptor is open. */
    Fd openRoot(String cannot, ContainerFiles files);

    /** The devices of the Container Device Interface that this host has, and how a name stands for them. */
    CdiDevices devices();

    /**
     * Runs a program in a container, and removes the container. An interrupt ends both.
     *
     * @param image that the container is made of; the spec's is its id
     * @param output of the program, as it comes
     * @param ended is given the container's files when the program has ended, whatever its status
     */
    ExitStatus run(
            Image image,
            ContainerSpec spec,
            BiConsumer<LogStream, byte[]> output,
            BiConsumer<ExitStatus, ContainerFiles> ended);
}
