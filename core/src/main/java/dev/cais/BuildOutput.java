package dev.cais;

import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;

/**
 * Where the result of a build goes, in the words of {@code docker buildx build --output}. The methods return changed copies.
 *
 * <p>Layers are compressed once, however many outputs want them. Files grow beside their place and take it when all outputs are
 * written and pushed; if one of them fails, there is nothing of any, but for what a registry or a stream has taken already.
 *
 * @see <a href="https://docs.docker.com/build/exporters/">Docker's exporters</a>
 */
public sealed interface BuildOutput {
    /** {@code type=image}: the store has it in any case, and this says in which form. */
    static InStore image() {
        return new InStore(false, LayerCompression.GZIP, 0);
    }

    /**
     * {@code type=registry}: straight to a registry.
     *
     * @param names there; none for all tags of the spec
     */
    static Registry registry(String... names) {
        return new Registry(List.of(names), false, PushOptions.defaults());
    }

    /** {@code type=oci}: a tar of an OCI layout. */
    static Oci oci(Path archive) {
        return new Oci(archive, true, false, LayerCompression.GZIP, 0);
    }

    /**
     * {@code type=oci,tar=false}: an OCI layout. To one that is there the image is added.
     *
     * @param directory that does not exist, is empty, or is an OCI layout
     */
    static Oci ociLayout(Path directory) {
        return new Oci(directory, false, false, LayerCompression.GZIP, 0);
    }

    /** {@code type=docker}: what {@code docker load} reads. For one platform. */
    static DockerArchive docker(Path archive) {
        return new DockerArchive(archive);
    }

    /**
     * {@code type=local}: the files of the last stage. They belong to the user of this JVM, without set-user-ID, set-group-ID and extended
     * attributes; devices are left out. Of several platforms each has a directory, as in {@code linux_arm64}.
     *
     * @param directory made if it is missing. Files that are there stay, but for those of the same names. Of builds at the same time the files come one build
     *     after the other
     */
    static Local local(Path directory) {
        return new Local(directory);
    }

    /** {@code type=tar}: a tar of the files of the last stage, with owners and attributes. Of several platforms as {@link #local(Path)}. */
    static Tar tar(Path file) {
        return new Tar(file);
    }

    /** {@code type=tar,dest=-}: the same into a stream, which is flushed and stays open. */
    static TarStream tar(OutputStream stream) {
        return new TarStream(stream);
    }

    /**
     * An image of the store.
     *
     * @param dockerMediaTypes instead of OCI's
     * @param compression of layers that are not compressed yet. {@link LayerCompression#ESTARGZ} is for registries and layouts alone
     * @param level see {@link PushOptions}
     */
    record InStore(boolean dockerMediaTypes, LayerCompression compression, int level) implements BuildOutput {
        public InStore {
            requireLevel(compression, level);
            if (compression == LayerCompression.ESTARGZ) {
                throw new InvalidSpecException(
                        "cannot keep an image of the store as estargz: that makes another image of it",
                        "push it so, or write a layout");
            }
        }

        public InStore withDockerMediaTypes() {
            return new InStore(true, compression, level);
        }

        public InStore compression(LayerCompression changed, int changedLevel) {
            return new InStore(dockerMediaTypes, changed, changedLevel);
        }
    }

    /**
     * An image of a registry.
     *
     * @param names as in {@code localhost:5000/app:1}; none for all tags of the spec
     * @param dockerMediaTypes instead of OCI's
     */
    record Registry(List<String> names, boolean dockerMediaTypes, PushOptions options) implements BuildOutput {
        public Registry {
            names = List.copyOf(names);
        }

        public Registry withDockerMediaTypes() {
            return new Registry(names, true, options);
        }

        public Registry options(PushOptions changed) {
            return new Registry(names, dockerMediaTypes, changed);
        }
    }

    /**
     * An OCI layout, whose names are the tags of the spec.
     *
     * @param tar whether it is packed into a tar, which replaces the file that is there
     * @param dockerMediaTypes instead of OCI's
     * @param compression of layers that are not compressed yet
     * @param level see {@link PushOptions}
     */
    record Oci(Path destination, boolean tar, boolean dockerMediaTypes, LayerCompression compression, int level)
            implements BuildOutput {
        public Oci {
            requireLevel(compression, level);
            destination = absolute(destination);
        }

        public Oci withDockerMediaTypes() {
            return new Oci(destination, tar, true, compression, level);
        }

        public Oci compression(LayerCompression changed, int changedLevel) {
            return new Oci(destination, tar, dockerMediaTypes, changed, changedLevel);
        }
    }

    /** A docker-archive, which replaces the file that is there. Its names are the tags of the spec. */
    record DockerArchive(Path destination) implements BuildOutput {
        public DockerArchive {
            destination = absolute(destination);
        }
    }

    /** A directory of files. */
    record Local(Path destination) implements BuildOutput {
        public Local {
            destination = absolute(destination);
        }
    }

    /** A tar of files, which replaces the file that is there. */
    record Tar(Path destination) implements BuildOutput {
        public Tar {
            destination = absolute(destination);
        }
    }

    /** A tar of files. */
    record TarStream(OutputStream stream) implements BuildOutput {}

    private static Path absolute(Path path) {
        return path.toAbsolutePath().normalize();
    }

    private static void requireLevel(LayerCompression compression, int level) {
        var unused = PushOptions.defaults().compression(compression, level);
    }
}
