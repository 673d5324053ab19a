package dev.cais;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Something that steps of a build may see, and that neither its image nor its cache nor its events get. What a program does with it is
 * the program's business. It has at most 500 KiB, as BuildKit's do.
 */
public final class BuildSecret {
    private static final int LARGEST = 500 * 1024;

    private final Optional<Path> file;
    private final byte[] content;

    private BuildSecret(Optional<Path> file, byte[] content) {
        this.file = file;
        this.content = content;
    }

    /** @throws InvalidSpecException if it is too large */
    public static BuildSecret of(String text) {
        return of(text.getBytes(StandardCharsets.UTF_8));
    }

    /** @throws InvalidSpecException if it is too large */
    public static BuildSecret of(byte[] content) {
        return new BuildSecret(Optional.empty(), requireSmall("a build's secret", content.clone()));
    }

    /** The content of a file, read when a step wants it. */
    public static BuildSecret ofFile(Path file) {
        return new BuildSecret(Optional.of(file.toAbsolutePath()), new byte[0]);
    }

    /**
     * What it is.
     *
     * @throws StorageException if its file cannot be read
     * @throws InvalidSpecException if that is too large
     */
    public byte[] content() {
        if (file.isEmpty()) {
            return content.clone();
        }
        try (var in = Files.newInputStream(file.get())) {
            return requireSmall("a build's secret from " + file.get(), in.readNBytes(LARGEST + 1));
        } catch (NoSuchFileException e) {
            throw unreadable("there is no such file", e);
        } catch (AccessDeniedException e) {
            throw unreadable("permission denied", e);
        } catch (IOException e) {
            throw unreadable(Files.isDirectory(file.get()) ? "it is a directory" : String.valueOf(e.getMessage()), e);
        }
    }

    private StorageException unreadable(String why, IOException cause) {
        return new StorageException(
                "cannot read a build's secret from " + file.orElseThrow() + ": " + why, Map.of(), "", cause);
    }

    private static byte[] requireSmall(String name, byte[] content) {
        if (content.length > LARGEST) {
            throw new InvalidSpecException("cannot use " + name + ": it has more than 500 KiB");
        }
        return content;
    }

    /** Says where it is from, and nothing of it. */
    @Override
    public String toString() {
        return file.map(path -> "BuildSecret[" + path + "]").orElse("BuildSecret[…]");
    }
}
