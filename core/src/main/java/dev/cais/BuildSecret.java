package dev.cais;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Something that steps of a build may see, and that neither its image nor its cache nor its events get. What a program does with it is
 * the program's business.
 */
public final class BuildSecret {
    private final Optional<Path> file;
    private final byte[] content;

    private BuildSecret(Optional<Path> file, byte[] content) {
        this.file = file;
        this.content = content;
    }

    public static BuildSecret of(String text) {
        return new BuildSecret(Optional.empty(), text.getBytes(StandardCharsets.UTF_8));
    }

    public static BuildSecret of(byte[] content) {
        return new BuildSecret(Optional.empty(), content.clone());
    }

    /** The content of a file, read when a step wants it. */
    public static BuildSecret ofFile(Path file) {
        return new BuildSecret(Optional.of(file.toAbsolutePath()), new byte[0]);
    }

    /** @throws StorageException if its file cannot be read */
    public byte[] content() {
        if (file.isEmpty()) {
            return content.clone();
        }
        try {
            return Files.readAllBytes(file.get());
        } catch (IOException e) {
            throw new StorageException("cannot read a build's secret from " + file.get() + ": " + e, Map.of(), "", e);
        }
    }

    /** Says where it is from, and nothing of it. */
    @Override
    public String toString() {
        return file.map(path -> "BuildSecret[" + path + "]").orElse("BuildSecret[…]");
    }
}
