package dev.cais;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Whom a container asks for names that its networks do not have, in place of what the host's {@code /etc/resolv.conf} says: as {@code
 * docker run --dns, --dns-search, --dns-option}. The methods return changed copies.
 *
 * @param servers in order; the engine asks them for the container, from the host's network. Empty for the host's. A container
 *     without networks of its own asks them itself
 * @param search domains to append to short names, in order; one {@code .} for none; empty for the host's
 * @param options of resolv.conf(5), as {@code ndots:2}; empty for the host's
 */
public record Dns(List<InetAddress> servers, List<String> search, List<String> options) {
    /** The host's. */
    public static final Dns HOST = new Dns(List.of(), List.of(), List.of());

    private static final Pattern WORD = Pattern.compile("[a-zA-Z0-9_.:-]{1,254}");

    public Dns {
        servers = List.copyOf(servers);
        search = List.copyOf(search);
        options = List.copyOf(options);
        requireWords("search domain", search);
        requireWords("resolver option", options);
    }

    private static void requireWords(String what, List<String> words) {
        for (var word : words) {
            if (!WORD.matcher(word).matches()) {
                throw new InvalidSpecException("cannot use the " + what + " '" + word + "': it does not match " + WORD);
            }
        }
    }

    /** @param more as {@code 192.0.2.53} or {@code 2001:db8::53} */
    public Dns server(String... more) {
        var all = new ArrayList<>(servers);
        Arrays.stream(more).map(Subnet::parseAddress).forEach(all::add);
        return new Dns(all, search, options);
    }

    public Dns search(String... more) {
        return new Dns(servers, Added.to(search, more), options);
    }

    public Dns option(String... more) {
        return new Dns(servers, search, Added.to(options, more));
    }
}
