package dev.cais.image.oci;

import dev.cais.Digest;
import dev.cais.InvalidSpecException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The name of an image, as in {@code ghcr.io/a/b:1@sha256:4f5a1c…}, read as Docker reads it.
 *
 * <p>The first component is a registry if it has a dot, a colon or an upper-case letter, or is {@code localhost}; else the
 * registry is {@code docker.io}, and a repository of one component is below {@code library/}. Without tag and digest the tag
 * is {@code latest}.
 *
 * @param registry host and perhaps port, as in {@code docker.io} or {@code localhost:5000}
 * @param repository as in {@code library/busybox}, at most 255 characters
 * @param tag at most 128 characters; present if there is no digest
 * @param digest of the manifest
 * @see <a href="https://pkg.go.dev/github.com/distribution/reference">Docker's grammar of references</a>
 */
public record ImageReference(String registry, String repository, Optional<String> tag, Optional<Digest> digest)
        implements Comparable<ImageReference> {
    private static final String DEFAULT_REGISTRY = "docker.io";
    private static final String OFFICIAL = "library/";
    private static final String DEFAULT_TAG = "latest";
    private static final int LONGEST_REGISTRY = 255 + ":65535".length();
    private static final int LONGEST_REPOSITORY = 255;
    private static final int LONGEST = 1024;

    private static final Pattern REGISTRY = Pattern.compile("(?:"
            + "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*"
            + "|\\[[a-fA-F0-9:]+])(?::[0-9]+)?");
    private static final Pattern COMPONENT = Pattern.compile("[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*");
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}");
    private static final Pattern ID = Pattern.compile("[a-f0-9]{64}");

    public ImageReference {
        if (tag.isEmpty() && digest.isEmpty()) {
            tag = Optional.of(DEFAULT_TAG);
        }
    }

    /**
     * @param text in the familiar form ({@code busybox}) or any longer one
     * @throws InvalidSpecException that names the part that is wrong, and where it begins: the fact {@code position}, from 1
     */
    public static ImageReference parse(String text) {
        if (text.isEmpty()) {
            throw new InvalidSpecException("cannot use an empty image name");
        }
        if (text.length() > LONGEST) {
            throw wrong(text, "it has more than " + LONGEST + " characters", LONGEST, "");
        }
        if (ID.matcher(text).matches()) {
            throw wrong(text, "it is an image id", 0, "choose a name that is not 64 hexadecimal digits");
        }
        var at = text.indexOf('@');
        var digest = at < 0 ? Optional.<Digest>empty() : Optional.of(parseDigest(text, at + 1));
        var named = at < 0 ? text : text.substring(0, at);

        var colon = named.lastIndexOf(':');
        var hasTag = colon > named.lastIndexOf('/');
        var tag =
                hasTag ? Optional.of(checkTag(text, named.substring(colon + 1), colon + 1)) : Optional.<String>empty();
        return parseName(text, hasTag ? named.substring(0, colon) : named, tag, digest);
    }

    /**
     * Reads the name of a repository.
     *
     * @throws InvalidSpecException also if it has a tag or a digest
     */
    public static ImageReference parseRepository(String text) {
        var reference = parse(text);
        if (!isBare(text)) {
            var at = text.indexOf('@');
            var colon = text.indexOf(':', text.lastIndexOf('/') + 1);
            throw wrong(
                    text,
                    "it has a tag or a digest",
                    colon >= 0 && (at < 0 || colon < at) ? colon : at,
                    "write " + reference.familiarRepository());
        }
        return reference;
    }

    /** Whether something can be a tag. */
    public static boolean isTag(String text) {
        return TAG.matcher(text).matches();
    }

    private static ImageReference parseName(String text, String name, Optional<String> tag, Optional<Digest> digest) {
        var slash = name.indexOf('/');
        var hasRegistry = slash >= 0 && isRegistry(name.substring(0, slash));
        var registry = hasRegistry ? name.substring(0, slash) : DEFAULT_REGISTRY;
        var repository = hasRegistry ? name.substring(slash + 1) : name;
        if (registry.equals("index.docker.io")) {
            registry = DEFAULT_REGISTRY;
        }
        checkRegistry(text, registry);
        checkRepository(text, repository, hasRegistry ? slash + 1 : 0);
        if (registry.equals(DEFAULT_REGISTRY) && repository.indexOf('/') < 0) {
            repository = OFFICIAL + repository;
        }
        return new ImageReference(registry, repository, tag, digest);
    }

    private static boolean isRegistry(String component) {
        return component.equals("localhost")
                || component.indexOf('.') >= 0
                || component.indexOf(':') >= 0
                || !component.equals(component.toLowerCase(Locale.ROOT));
    }

    private static void checkRegistry(String text, String registry) {
        if (registry.length() > LONGEST_REGISTRY || !REGISTRY.matcher(registry).matches()) {
            var scheme = registry + "//";
            throw wrong(
                    text,
                    "registry " + Shown.text(registry) + " is no host[:port]",
                    0,
                    registry.endsWith(":") && text.startsWith(scheme) ? "leave " + Shown.text(scheme) + " out" : "");
        }
    }

    private static void checkRepository(String text, String repository, int at) {
        if (repository.isEmpty()) {
            throw wrong(text, "its repository is empty", at, "");
        }
        if (repository.length() > LONGEST_REPOSITORY) {
            throw wrong(text, "its repository has more than " + LONGEST_REPOSITORY + " characters", at, "");
        }
        var start = at;
        for (var component : repository.split("/", -1)) {
            if (!COMPONENT.matcher(component).matches()) {
                var lower = repository.toLowerCase(Locale.ROOT);
                var help = lower.equals(repository)
                        ? "write a-z and 0-9, with single . or _, __ or hyphens between them"
                        : "write " + Shown.text(lower);
                throw wrong(
                        text,
                        "its repository has "
                                + (component.isEmpty() ? "an empty part" : "the part " + Shown.text(component)),
                        start,
                        help);
            }
            start += component.length() + 1;
        }
    }

    private static String checkTag(String text, String tag, int at) {
        if (!TAG.matcher(tag).matches()) {
            throw wrong(
                    text,
                    tag.isEmpty() ? "its tag is empty" : "its tag is " + Shown.text(tag),
                    at,
                    "write 1 to 128 letters, digits, _, . or hyphens, not beginning with . or a hyphen");
        }
        return tag;
    }

    private static Digest parseDigest(String text, int at) {
        var digest = text.substring(at);
        try {
            return Digest.parse(digest);
        } catch (InvalidSpecException e) {
            throw wrong(
                    text,
                    "its digest is " + Shown.text(digest),
                    at,
                    "write sha256: and 64 lower-case hexadecimal digits");
        }
    }

    /** @param at where in the text the part begins that is wrong; shown from 1 */
    private static InvalidSpecException wrong(String text, String why, int at, String help) {
        return new InvalidSpecException(
                "cannot use image name " + Shown.text(text) + ": " + why, Map.of("position", at + 1), help);
    }

    /** Whether a name has neither tag nor digest. */
    public static boolean isBare(String text) {
        return text.indexOf('@') < 0 && text.lastIndexOf(':') <= text.lastIndexOf('/');
    }

    /** The same name without its digest. */
    public ImageReference withoutDigest() {
        return new ImageReference(registry, repository, tag, Optional.empty());
    }

    /** The same name without its tag; one without a digest then has the default tag. */
    public ImageReference withoutTag() {
        return new ImageReference(registry, repository, Optional.empty(), digest);
    }

    /** Whether both name the same repository, whatever the tag and digest. */
    public boolean isSameRepository(ImageReference other) {
        return registry.equals(other.registry) && repository.equals(other.repository);
    }

    /** With everything that the familiar form leaves out: {@code docker.io/library/busybox:latest}. */
    public String canonical() {
        return registry + "/" + repository + suffix();
    }

    /**
     * The repository in the familiar form: {@code busybox}.
     *
     * <p>Unlike Docker, which then reads it as another name, this keeps {@code docker.io/} before {@code localhost/x} and
     * {@code a.b/x}.
     */
    public String familiarRepository() {
        if (!registry.equals(DEFAULT_REGISTRY)) {
            return registry + "/" + repository;
        }
        var first = repository.substring(0, repository.indexOf('/'));
        var rest = repository.substring(first.length() + 1);
        if (OFFICIAL.startsWith(first + "/") && rest.indexOf('/') < 0) {
            return rest;
        }
        return isRegistry(first) ? registry + "/" + repository : repository;
    }

    private String suffix() {
        return tag.map(text -> ":" + text).orElse("")
                + digest.map(value -> "@" + value).orElse("");
    }

    @Override
    public int compareTo(ImageReference other) {
        return toString().compareTo(other.toString());
    }

    /** The familiar form, as Docker shows it: {@code busybox:latest}; {@link #parse} reads it back. */
    @Override
    public String toString() {
        return familiarRepository() + suffix();
    }
}
