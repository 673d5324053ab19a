package dev.cais;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Reads files of environment variables as {@code docker run --env-file} does. */
final class EnvFile {
    private static final int LARGEST = 1 << 20;
    private static final Pattern BLANK = Pattern.compile("\\s");

    private EnvFile() {}

    /**
     * @param host values of the host's variables, or null
     * @return in the order of the file
     */
    static Map<String, String> read(Path file, Function<String, String> host) {
        var cannot = "cannot read environment variables from " + file + ": ";
        var env = new LinkedHashMap<String, String>();
        var number = 0;
        for (var raw : text(cannot, file).split("\r?\n", -1)) {
            number++;
            var line = raw.stripLeading();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            var equals = line.indexOf('=');
            var key = equals < 0 ? line : line.substring(0, equals);
            if (key.isEmpty() || BLANK.matcher(key).find() || line.indexOf('\0') >= 0) {
                throw new InvalidSpecException(
                        cannot + "line " + number + " is no NAME=value: a name is not empty and has no blanks",
                        "write one variable a line, or NAME alone to pass on the host's value");
            }
            var value = equals < 0 ? host.apply(key) : line.substring(equals + 1);
            if (value != null) {
                env.put(key, value);
            }
        }
        return env;
    }

    private static String text(String cannot, Path file) {
        try {
            if (Files.size(file) > LARGEST) {
                throw new InvalidSpecException(cannot + "it is larger than " + LARGEST + " bytes");
            }
            var text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(Files.readAllBytes(file)))
                    .toString();
            return text.startsWith("\ufeff") ? text.substring(1) : text;
        } catch (NoSuchFileException e) {
            throw new NotFoundException(cannot + "there is no such file", Map.of(), "", e);
        } catch (CharacterCodingException e) {
            throw new InvalidSpecException(cannot + "it is not UTF-8", Map.of(), "", e);
        } catch (IOException e) {
            throw new StorageException(cannot + e, Map.of(), "", e);
        }
    }
}
