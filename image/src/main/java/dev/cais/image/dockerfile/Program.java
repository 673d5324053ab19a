package dev.cais.image.dockerfile;

import dev.cais.ImageConfig;
import dev.cais.InvalidSpecException;
import dev.cais.image.oci.JsonObject;
import java.util.List;

/**
 * A program: its arguments, or one line for the image's shell.
 *
 * @param shell whether it is one line
 */
public record Program(boolean shell, List<String> words) {
    public Program {
        words = List.copyOf(words);
    }

    static Program shell(String line) {
        return new Program(true, List.of(line));
    }

    /** A line that runs a here-document by the program that its first line names. */
    static Program script(Heredoc script) {
        return shell("/dev/pipes/" + script.name());
    }

    /** The exec form is a JSON array of strings; what is none is a line for the shell. */
    static Program parse(String text) {
        if (!text.startsWith("[")) {
            return shell(text);
        }
        return JsonObject.findArray(text)
                .map(words -> new Program(false, strings(words)))
                .orElseGet(() -> shell(text));
    }

    static List<String> strings(List<?> words) {
        if (!words.stream().allMatch(String.class::isInstance)) {
            throw new InvalidSpecException("a JSON array of arguments has something that is no string");
        }
        return words.stream().map(String.class::cast).toList();
    }

    /** What is executed in a container of an image. */
    public List<String> arguments(ImageConfig config) {
        return shell ? config.inShell(words.get(0)) : words;
    }
}
