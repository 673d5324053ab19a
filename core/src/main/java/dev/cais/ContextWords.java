package dev.cais;

import dev.cais.BuildContext.Git;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Pattern;

/** Contexts in the words of {@code docker build}. */
final class ContextWords {
    private static final String IMAGE = "docker-image://";
    private static final String LAYOUT = "oci-layout://";
    private static final Pattern WEB = Pattern.compile("(?i)https?://.*");
    private static final Pattern SCHEME = Pattern.compile("([A-Za-z][A-Za-z0-9+.-]*)://.*", Pattern.DOTALL);
    private static final Pattern LAYOUT_REFERENCE =
            Pattern.compile("(.*?)(?::([^/:@]+))?(?:@([a-z0-9]+:[0-9a-f]+))?", Pattern.DOTALL);

    private ContextWords() {}

    static BuildContext parse(String text) {
        if (text.isEmpty() || text.indexOf('\0') >= 0) {
            throw new InvalidSpecException("cannot use a context: its name is empty or has a NUL");
        }
        if (text.equals("-")) {
            return BuildContext.tar(System.in);
        } else if (isDirectory(text)) {
            return BuildContext.directory(Path.of(text));
        } else if (text.startsWith(IMAGE)) {
            return BuildContext.image(text.substring(IMAGE.length()));
        } else if (text.startsWith(LAYOUT)) {
            return layout(text.substring(LAYOUT.length()));
        } else if (Git.isAddress(text) || text.startsWith("github.com/") || text.startsWith("file://")) {
            return BuildContext.git(text);
        } else if (WEB.matcher(text).matches()) {
            return BuildContext.web(text);
        }
        return path(text);
    }

    private static boolean isDirectory(String text) {
        try {
            return Files.isDirectory(Path.of(text));
        } catch (InvalidPathException e) {
            return false;
        }
    }

    private static BuildContext path(String text) {
        var scheme = SCHEME.matcher(text);
        if (scheme.matches()) {
            throw new InvalidSpecException(
                    "cannot use context " + shown(text) + ": there is no kind " + scheme.group(1),
                    "write a directory, or an address of docker-image, oci-layout, git, ssh, http or https");
        }
        throw new InvalidSpecException("cannot use context " + shown(text) + ": there is no such directory");
    }

    private static BuildContext layout(String text) {
        var parts = LAYOUT_REFERENCE.matcher(text);
        if (!parts.matches() || parts.group(1).isEmpty()) {
            throw new InvalidSpecException("cannot use context " + LAYOUT + shown(text) + ": it has no path");
        }
        var digest = parts.group(3);
        var name = parts.group(2) == null ? "" : parts.group(2);
        return BuildContext.layout(Path.of(parts.group(1)), digest == null ? name : digest);
    }

    static URI webAddress(String text) {
        try {
            var url = URI.create(text.strip());
            var scheme = String.valueOf(url.getScheme()).toLowerCase(Locale.ROOT);
            if (url.getHost() != null && (scheme.equals("http") || scheme.equals("https"))) {
                return url;
            }
        } catch (IllegalArgumentException e) {
            // said below
        }
        throw new InvalidSpecException("cannot use context " + shown(text) + ": it is no address of http or https");
    }

    private static String shown(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }
}
