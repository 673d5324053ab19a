package dev.cais.image.dockerfile;

import java.util.List;
import java.util.Optional;

/**
 * What {@code COPY} and {@code ADD} have in common.
 *
 * @param sources paths, patterns or addresses
 * @param documents here-documents, each a file of that name and mode 0644, behind the sources
 * @param destination below the working directory if it is not absolute
 * @param owner {@code --chown}: {@code user[:group]} by name or number
 * @param mode {@code --chmod}: see {@link ModeChange}
 * @param link whether the files are a layer that does not depend on those below it
 * @param excludes {@code --exclude}: patterns of what is left out, never expanded
 */
public record Transfer(
        List<Word> sources,
        List<Heredoc> documents,
        Word destination,
        Optional<Word> owner,
        Optional<Word> mode,
        boolean link,
        List<String> excludes) {
    public Transfer {
        sources = List.copyOf(sources);
        documents = List.copyOf(documents);
        excludes = List.copyOf(excludes);
    }
}
