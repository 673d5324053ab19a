package dev.cais.image.registry;

import dev.cais.InvalidSpecException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A server: scheme, host and port.
 *
 * @param scheme {@code https} or {@code http}
 * @param host without brackets
 * @param port never a default one left out
 */
record Endpoint(String scheme, String host, int port) {
    private static final int HIGHEST_PORT = 65535;

    /** @param authority {@code host[:port]}, an IPv6 address in brackets */
    static Endpoint parse(String scheme, String authority) {
        var colon = authority.lastIndexOf(':');
        var hasPort = colon > authority.lastIndexOf(']');
        var host = hasPort ? authority.substring(0, colon) : authority;
        var port = hasPort ? port(authority, authority.substring(colon + 1)) : defaultPort(scheme);
        var isBracketed = host.startsWith("[") && host.endsWith("]");
        return new Endpoint(scheme, isBracketed ? host.substring(1, host.length() - 1) : host, port);
    }

    private static int port(String authority, String digits) {
        try {
            var port = Integer.parseInt(digits);
            if (port > 0 && port <= HIGHEST_PORT) {
                return port;
            }
        } catch (NumberFormatException e) {
            // the same as one out of range
        }
        throw new InvalidSpecException(
                "cannot use registry " + authority + ": its port is out of range", "choose 1 to " + HIGHEST_PORT);
    }

    /** The server of a URL of http or https with a host. */
    static Endpoint of(URI url) {
        var scheme = url.getScheme().toLowerCase(Locale.ROOT);
        var host = url.getHost();
        var isBracketed = host.startsWith("[") && host.endsWith("]");
        return new Endpoint(
                scheme,
                (isBracketed ? host.substring(1, host.length() - 1) : host).toLowerCase(Locale.ROOT),
                url.getPort() < 0 ? defaultPort(scheme) : url.getPort());
    }

    private static int defaultPort(String scheme) {
        return scheme.equals("https") ? 443 : 80;
    }

    /** {@code host[:port]} as references and configuration files write it. */
    String authority() {
        var shown = host.indexOf(':') < 0 ? host : "[" + host + "]";
        return port == defaultPort(scheme) ? shown : shown + ":" + port;
    }

    /** Whether this is this host itself, by its name or a numeric address; nothing is looked up. */
    boolean isLoopback() {
        if (host.equalsIgnoreCase("localhost") || host.toLowerCase(Locale.ROOT).endsWith(".localhost")) {
            return true;
        }
        var isNumeric = host.indexOf(':') >= 0 || host.matches("[0-9]+(\\.[0-9]+){3}");
        try {
            return isNumeric && InetAddress.getByName(host).isLoopbackAddress();
        } catch (java.net.UnknownHostException e) {
            return false;
        }
    }

    /** @param path of checked parts, with a slash first */
    URI url(String path) {
        return url(path, Map.of());
    }

    URI url(String path, Map<String, String> query) {
        try {
            var plain = new URI(scheme, null, host, port, path, null, null);
            return query.isEmpty() ? plain : withQuery(plain, query);
        } catch (URISyntaxException e) {
            throw new InvalidSpecException(
                    "cannot use registry " + authority() + ": it gives no URL with path " + path);
        }
    }

    /** A URL with more in its query; names and values are encoded. */
    static URI withQuery(URI url, Map<String, String> more) {
        var added = form(more);
        var query = url.getRawQuery();
        var text = url.toString();
        var fragment = text.indexOf('#');
        var bare = fragment < 0 ? text : text.substring(0, fragment);
        return URI.create(bare + (query == null ? "?" : query.isEmpty() ? "" : "&") + added);
    }

    /** As {@code application/x-www-form-urlencoded} has it. */
    static String form(Map<String, String> fields) {
        return fields.entrySet().stream()
                .map(field -> encoded(field.getKey()) + "=" + encoded(field.getValue()))
                .collect(Collectors.joining("&"));
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    @Override
    public String toString() {
        return scheme + "://" + authority();
    }
}
