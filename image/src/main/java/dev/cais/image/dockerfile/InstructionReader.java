package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Finds the instructions among the lines of a file: joins continued lines, and takes here-documents with them. */
final class InstructionReader {
    private static final Set<String> WITH_DOCUMENTS = Set.of("RUN", "COPY", "ADD");
    private static final Pattern DOCUMENT = Pattern.compile("[0-9]*<<(-?)\\s*([^<]+)");
    private static final Pattern OPERATOR = Pattern.compile("[0-9]*<<-?");

    /** A name behind blanks; a number there is shifted by. */
    private static final Pattern SPACED_NAME = Pattern.compile("[^0-9()$<>&|;][^()<>&|;]*");

    /** @param documents those whose names are in the text, in order */
    record Found(Source source, List<Heredoc> documents) {}

    private final TextLines lines;
    private final char escape;
    private int first;
    private int at;

    InstructionReader(TextLines lines, char escape) {
        this.lines = lines;
        this.escape = escape;
    }

    /** Reads an instruction that stands alone, as one that is found. */
    static Found single(String text) {
        var reader = new InstructionReader(new TextLines(text.strip().getBytes(StandardCharsets.UTF_8)), '\\');
        var found = reader.next().orElseThrow(() -> new InvalidSpecException("there is no instruction"));
        if (reader.next().isPresent()) {
            throw new InvalidSpecException("it is more than one instruction");
        }
        return found;
    }

    /** The first line of what was found last, or could not be read, counted from 0. */
    int firstLine() {
        return first;
    }

    /** The line behind it. */
    int endLine() {
        return at;
    }

    /**
     * The next instruction; none at the end of the file.
     *
     * @throws InvalidSpecException with the reason alone
     */
    Optional<Found> next() {
        var comments = new ArrayList<String>();
        while (at < lines.count()) {
            first = at;
            if (lines.isComment(at)) {
                comments.add(lines.shown(at++).strip().substring(1).strip());
                continue;
            }
            var line = lines.line(at++).strip();
            if (line.isEmpty()) {
                comments.clear();
                continue;
            }
            return Optional.of(found(line, comments));
        }
        return Optional.empty();
    }

    private Found found(String line, List<String> comments) {
        var text = new StringBuilder();
        var part = line;
        var gap = false;
        var open = isContinued(part);
        text.append(uncontinued(part));
        while (open && at < lines.count()) {
            if (lines.isComment(at)) {
                at++;
                continue;
            }
            part = lines.line(at++).stripTrailing();
            if (part.isEmpty()) {
                gap = true;
                continue;
            }
            open = isContinued(part);
            text.append(uncontinued(part));
        }
        var whole = text.toString().strip();
        var documents = new ArrayList<Heredoc>();
        for (var opened : documentsIn(whole)) {
            documents.add(withContent(opened));
        }
        return new Found(new Source(first + 1, at, whole, comments, gap), documents);
    }

    /** An escape at the end of a line that is not escaped itself. */
    private boolean isContinued(String line) {
        var end = line.length() - 1;
        return end >= 0 && line.charAt(end) == escape && (end == 0 || line.charAt(end - 1) != escape);
    }

    private String uncontinued(String line) {
        return isContinued(line) ? line.substring(0, line.length() - 1) : line;
    }

    private static List<Heredoc> documentsIn(String text) {
        if (!text.contains("<<")) {
            return List.of();
        }
        var parts = text.split("\\s+", 2);
        if (parts[0].equalsIgnoreCase("ONBUILD")) {
            parts = parts[1].split("\\s+", 2);
        }
        if (parts.length < 2 || !WITH_DOCUMENTS.contains(parts[0].toUpperCase(Locale.ROOT))) {
            return List.of();
        }
        var arguments = Flags.split(parts[1]).rest();
        if (arguments.startsWith("[") && !Program.parse(arguments).shell()) {
            return List.of();
        }
        return joined(Word.split(arguments, '\\')).stream()
                .flatMap(word -> document(word.text()).stream())
                .toList();
    }

    /** Words, the names of here-documents together with what is before them: blanks may be between. */
    static List<Word> joined(List<Word> words) {
        var joined = new ArrayList<Word>();
        for (var word : words) {
            var last = joined.size() - 1;
            if (last >= 0
                    && OPERATOR.matcher(joined.get(last).text()).matches()
                    && SPACED_NAME.matcher(word.text()).matches()) {
                joined.set(last, new Word(joined.get(last).text() + " " + word.text(), word.escape()));
            } else {
                joined.add(word);
            }
        }
        return joined;
    }

    /** The here-document, as yet without its lines, that a word of an instruction begins. */
    static Optional<Heredoc> document(String word) {
        var parts = DOCUMENT.matcher(word);
        if (!parts.matches()) {
            return Optional.empty();
        }
        var name = unquoted(parts.group(2));
        return name.isEmpty()
                ? Optional.empty()
                : Optional.of(new Heredoc(
                        name, !isQuoted(parts.group(2)), !parts.group(1).isEmpty(), ""));
    }

    /** Whether a part is in quotes. What is only escaped is not, though a shell takes it for that. */
    private static boolean isQuoted(String word) {
        for (var i = 0; i < word.length(); i++) {
            if (word.charAt(i) == '\\') {
                i++;
            } else if (word.charAt(i) == '"' || word.charAt(i) == '\'') {
                return true;
            }
        }
        return false;
    }

    private static String unquoted(String word) {
        var name = new StringBuilder();
        var quote = ' ';
        for (var i = 0; i < word.length(); i++) {
            var c = word.charAt(i);
            if (c == '\\' && quote != '\'' && i + 1 < word.length()) {
                name.append(word.charAt(++i));
            } else if (c == quote) {
                quote = ' ';
            } else if (quote == ' ' && (c == '"' || c == '\'')) {
                quote = c;
            } else {
                name.append(c);
            }
        }
        return name.toString();
    }

    /** Without its end, and tabs that do not count, it is the document's name. */
    private static boolean isEnd(String line, Heredoc opened) {
        var end = line.length();
        while (end > 0 && (line.charAt(end - 1) == '\n' || line.charAt(end - 1) == '\r')) {
            end--;
        }
        var start = 0;
        while (opened.stripsTabs() && start < end && line.charAt(start) == '\t') {
            start++;
        }
        return end - start == opened.name().length() && line.startsWith(opened.name(), start);
    }

    private Heredoc withContent(Heredoc opened) {
        var content = new StringBuilder();
        while (at < lines.count()) {
            var line = lines.line(at++);
            if (isEnd(line, opened)) {
                return new Heredoc(opened.name(), opened.expands(), opened.stripsTabs(), content.toString());
            }
            content.append(line);
        }
        throw new InvalidSpecException(
                "the here-document " + Shown.text(opened.name()) + " has no end: no line has only its name");
    }
}
