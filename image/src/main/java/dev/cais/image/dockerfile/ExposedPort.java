package dev.cais.image.dockerfile;

import dev.cais.InvalidSpecException;
import dev.cais.image.oci.Shown;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A word of {@code EXPOSE}: a port or a range of them.
 *
 * @param published whether it has a host's address or port, too, which a Dockerfile cannot give
 */
public record ExposedPort(String written, int first, int last, String protocol, boolean published) {
    private static final Pattern FORM = Pattern.compile(
            "((?:(?:.*:)?(?:[0-9]{1,5}(?:-[0-9]{1,5})?)?:)?)([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/([a-zA-Z]*))?");

    public static ExposedPort parse(String text) {
        var parts = FORM.matcher(text);
        if (parts.matches()) {
            var first = Integer.parseInt(parts.group(2));
            var last = parts.group(3) == null ? first : Integer.parseInt(parts.group(3));
            var protocol = Optional.ofNullable(parts.group(4))
                    .filter(named -> !named.isEmpty())
                    .orElse("tcp");
            var known = List.of("tcp", "udp", "sctp").contains(protocol.toLowerCase(Locale.ROOT));
            if (known && first <= last && last <= 65_535) {
                return new ExposedPort(
                        text, first, last, protocol, !parts.group(1).isEmpty());
            }
        }
        throw new InvalidSpecException(Shown.text(text) + " is no port as 80, 80/udp or 8000-8010");
    }

    /** As an image's configuration has them: {@code 80/tcp}. */
    public List<String> names() {
        return IntStream.rangeClosed(first, last)
                .mapToObj(port -> port + "/" + protocol.toLowerCase(Locale.ROOT))
                .toList();
    }

    boolean isLowerCase() {
        return protocol.equals(protocol.toLowerCase(Locale.ROOT));
    }
}
