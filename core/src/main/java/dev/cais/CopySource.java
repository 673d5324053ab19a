package dev.cais;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What to copy into a container, and whose it is there. The methods return changed copies.
 *
 * <p>Unless something else is said, files of the host and bytes belong to root (0:0) in the container and keep their mode, as with
 * {@code docker cp}; entries of a tar keep the owners that the tar names.
 *
 * @param owner empty for that default
 * @param keepsOwner files of the host keep their owners' numbers, as with {@code docker cp -a}
 * @param mode of files, in place of their own; directories keep theirs
 */
public record CopySource(Origin origin, Optional<Owner> owner, boolean keepsOwner, Optional<Integer> mode) {
    /** Where it comes from. */
    public sealed interface Origin {}

    /** A file or directory of the host; a last component {@code .} stands for what is in the directory. */
    public record HostPath(Path path) implements Origin {}

    /** A file's content; not copied. */
    public record Bytes(byte[] content) implements Origin {}

    /** A file on the class path, found as {@link Class#getResourceAsStream} finds it. */
    public record Resource(Class<?> beside, String name) implements Origin {}

    /** An archive, plain or compressed with gzip or zstd; read to its end, not closed. */
    public record Tar(InputStream stream) implements Origin {}

    /** By number. */
    public record Owner(long uid, long gid) {
        private static final long LARGEST = 0xfffffffeL;

        public Owner {
            if (uid < 0 || uid > LARGEST || gid < 0 || gid > LARGEST) {
                throw new InvalidSpecException(
                        "cannot give files to " + uid + ":" + gid + ": an owner is a number from 0 to " + LARGEST);
            }
        }
    }

    public CopySource {
        if (mode.isPresent() && (mode.get() < 0 || mode.get() > 07777)) {
            throw new InvalidSpecException("cannot give files mode 0" + Integer.toOctalString(mode.get())
                    + ": a mode has twelve bits, 0 to 07777");
        }
    }

    public static CopySource of(Path path) {
        return of(new HostPath(path));
    }

    /** A file of mode 0644. */
    public static CopySource of(byte[] content) {
        return of(new Bytes(content));
    }

    /** A file with this text in UTF-8, mode 0644. */
    public static CopySource text(String content) {
        return of(content.getBytes(StandardCharsets.UTF_8));
    }

    /** A file of mode 0644. */
    public static CopySource resource(Class<?> beside, String name) {
        return of(new Resource(beside, name));
    }

    public static CopySource tar(InputStream stream) {
        return of(new Tar(stream));
    }

    private static CopySource of(Origin origin) {
        return new CopySource(origin, Optional.empty(), false, Optional.empty());
    }

    public CopySource owner(long uid, long gid) {
        return new CopySource(origin, Optional.of(new Owner(uid, gid)), false, mode);
    }

    public CopySource keepOwner() {
        return new CopySource(origin, Optional.empty(), true, mode);
    }

    /** @param bits as in {@code 0755} */
    public CopySource mode(int bits) {
        return new CopySource(origin, owner, keepsOwner, Optional.of(bits));
    }

    /** For messages: a path, {@code 12 bytes}, {@code resource schema.sql}, {@code an archive}. */
    @Override
    public String toString() {
        if (origin instanceof HostPath host) {
            return host.path.toString();
        }
        if (origin instanceof Bytes bytes) {
            return bytes.content.length + " bytes";
        }
        return origin instanceof Resource resource ? "resource " + resource.name : "an archive";
    }
}
