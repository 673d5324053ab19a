package dev.cais.network.dns;

import dev.cais.InvalidSpecException;
import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Somebody on a network, such as a container: several names for the same addresses.
 *
 * @param names the first is what its addresses are called when they are looked up; case does not matter. Labels of 1 to 63 bytes with
 *     dots between them, 253 bytes in all
 * @param addresses of IPv4, IPv6 or both, in order
 */
public record ZoneEntry(List<String> names, List<InetAddress> addresses) {
    private static final int LONGEST_LABEL = 63;
    private static final int LONGEST_NAME = 253;

    /** @throws InvalidSpecException if a name cannot be one of DNS */
    public ZoneEntry {
        names = names.stream().map(ZoneEntry::checked).distinct().toList();
        addresses = List.copyOf(addresses);
    }

    /**
     * The name in small letters.
     *
     * @throws InvalidSpecException if it cannot be one of DNS
     */
    static String checked(String name) {
        if (name.length() > LONGEST_NAME) {
            throw refused(name, "it is longer than " + LONGEST_NAME + " bytes");
        }
        for (var label : name.split("\\.", -1)) {
            if (label.isEmpty()) {
                throw refused(name, "it has an empty label");
            }
            if (label.length() > LONGEST_LABEL) {
                throw refused(name, "a label of it is longer than " + LONGEST_LABEL + " bytes");
            }
            if (!label.chars().allMatch(ZoneEntry::isAllowed)) {
                throw refused(name, "letters, digits, - and _ are allowed, with dots between labels");
            }
        }
        return name.toLowerCase(Locale.ROOT);
    }

    private static boolean isAllowed(int letter) {
        return letter >= 'a' && letter <= 'z'
                || letter >= 'A' && letter <= 'Z'
                || letter >= '0' && letter <= '9'
                || letter == '-'
                || letter == '_';
    }

    private static InvalidSpecException refused(String name, String why) {
        return new InvalidSpecException(
                "cannot name somebody on a network: " + why, Map.of("name", name), "choose another name");
    }
}
