package dev.cais;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which system calls a container may make. */
public sealed interface SeccompProfile {
    /** As strict as Docker's. */
    static SeccompProfile standard() {
        return new Standard();
    }

    /** No filter. */
    static SeccompProfile unconfined() {
        return new Unconfined();
    }

    /**
     * A profile in Docker's JSON format, checked when a container starts with it.
     *
     * @throws NotFoundException if the file cannot be read
     */
    static SeccompProfile load(Path file) {
        try {
            return new Custom(Files.readString(file));
        } catch (IOException e) {
            throw new NotFoundException(
                    "cannot read seccomp profile " + file + ": " + e.getMessage(), java.util.Map.of(), "", e);
        }
    }

    record Standard() implements SeccompProfile {}

    record Unconfined() implements SeccompProfile {}

    /** @param json a profile in Docker's format */
    record Custom(String json) implements SeccompProfile {}
}
