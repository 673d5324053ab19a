package dev.cais.image.attestation;

import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;

/**
 * A package that an image has.
 *
 * @param type as a package URL names it: {@code deb}, {@code apk} or {@code maven}; empty if none fits
 * @param namespace a distribution, or a Maven group; perhaps empty
 * @param qualifiers of its package URL
 * @param supplier who maintains it; perhaps empty
 * @param foundIn the file that tells of it
 * @see <a href="https://github.com/package-url/purl-spec">Package URL</a>
 */
record SoftwarePackage(
        String type,
        String namespace,
        String name,
        String version,
        Map<String, String> qualifiers,
        String supplier,
        String foundIn)
        implements Comparable<SoftwarePackage> {
    private static final Comparator<SoftwarePackage> ORDER = Comparator.comparing(SoftwarePackage::type)
            .thenComparing(SoftwarePackage::namespace)
            .thenComparing(SoftwarePackage::name)
            .thenComparing(SoftwarePackage::version)
            .thenComparing(SoftwarePackage::foundIn)
            .thenComparing(one -> one.qualifiers.toString());
    private static final String PLAIN = "-._~";

    SoftwarePackage {
        qualifiers = Map.copyOf(qualifiers);
    }

    @Override
    public int compareTo(SoftwarePackage other) {
        return ORDER.compare(this, other);
    }

    /** As in {@code pkg:deb/debian/libc6@2.41-12?arch=amd64}; empty if it has no type. */
    String url() {
        if (type.isEmpty()) {
            return "";
        }
        var url = new StringBuilder("pkg:").append(type);
        if (!namespace.isEmpty()) {
            url.append('/').append(encoded(namespace));
        }
        url.append('/').append(encoded(name));
        if (!version.isEmpty()) {
            url.append('@').append(encoded(version));
        }
        var separator = '?';
        for (var qualifier : new TreeMap<>(qualifiers).entrySet()) {
            url.append(separator).append(qualifier.getKey()).append('=').append(encoded(qualifier.getValue()));
            separator = '&';
        }
        return url.toString();
    }

    /** Percent-encoded, but for a colon, which a package URL has as it is. */
    static String encoded(String text) {
        var encoded = new StringBuilder();
        for (var each : text.getBytes(StandardCharsets.UTF_8)) {
            var c = (char) (each & 0xff);
            var plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ':';
            if (plain || PLAIN.indexOf(c) >= 0) {
                encoded.append(c);
            } else {
                encoded.append(String.format("%%%02X", (int) c));
            }
        }
        return encoded.toString();
    }
}
