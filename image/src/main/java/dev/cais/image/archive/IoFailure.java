package dev.cais.image.archive;

import dev.cais.CancelledException;
import dev.cais.EngineException;
import dev.cais.StorageException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.util.Locale;
import java.util.Map;

/** What the JDK's complaints about files mean to a user. */
public final class IoFailure {
    private IoFailure() {}

    /**
     * @param what what could not be done, as in {@code cannot write /out/app.tar}
     * @return {@link CancelledException} if the thread was interrupted, else {@link StorageException}
     */
    public static EngineException of(String what, IOException cause) {
        if (cause instanceof ClosedByInterruptException) {
            return new CancelledException(what + ": the thread was interrupted", Map.of(), "", cause);
        }
        return new StorageException(what + ": " + reason(cause), Map.of(), "", cause);
    }

    /** As half a sentence, without the file's name. */
    public static String reason(IOException cause) {
        if (cause instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (cause instanceof NoSuchFileException) {
            return "there is no such file or directory";
        }
        if (cause instanceof NotDirectoryException) {
            return "not a directory";
        }
        if (cause instanceof FileAlreadyExistsException) {
            return "it exists already";
        }
        if (cause instanceof DirectoryNotEmptyException) {
            return "the directory is not empty";
        }
        var text = cause instanceof FileSystemException refused ? refused.getReason() : cause.getMessage();
        return text == null || text.isEmpty() ? cause.getClass().getSimpleName() : lowerFirst(text);
    }

    private static String lowerFirst(String text) {
        return text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
    }
}
