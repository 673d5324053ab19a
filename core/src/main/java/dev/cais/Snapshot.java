package dev.cais;

/**
 * What a container's root file system and configuration were at one moment: the beginning of any number of other containers, at
 * once and without a copy. So a database that was set up once starts a hundred times, each time untouched.
 *
 * <p>Only its engine knows it, and it goes with it: no tar was made of it, so it has no digest, and is neither listed among the images
 * nor can it be saved. What lies in volumes is not in it.
 */
public interface Snapshot extends AutoCloseable {
    /** For {@link ContainerSpec#of(String)}: {@code sha256:} and a number that is nothing's digest. */
    String id();

    /** Of the container that it was made of. */
    Image base();

    /** The image's, with what the container's spec said in its place: program, environment, user, working directory, labels. */
    ImageConfig config();

    /**
     * Removes it.
     *
     * @throws ConflictException if a container needs its files; the one that it was made of does if it did not run then
     */
    @Override
    void close();
}
