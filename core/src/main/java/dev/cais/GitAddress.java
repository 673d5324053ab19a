package dev.cais;

import dev.cais.BuildContext.Git;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Addresses of git with what stands behind them: {@code ?branch=main&subdir=a}, {@code #main:a}, or both.
 *
 * @see <a href="https://docs.docker.com/build/concepts/context/#git-repositories">Build context, Git repositories</a>
 */
final class GitAddress {
    private static final Set<String> TRUE = Set.of("", "1", "t", "T", "TRUE", "true", "True");

    /** As Go reads them. */
    static final Set<String> FALSE = Set.of("0", "f", "F", "FALSE", "false", "False");

    private final String repository;
    private final Map<String, String> query;
    private final String fragment;

    private GitAddress(String repository, Map<String, String> query, String fragment) {
        this.repository = repository;
        this.query = query;
        this.fragment = fragment;
    }

    static Git parse(String address) {
        var hash = address.indexOf('#');
        var before = hash < 0 ? address : address.substring(0, hash);
        var mark = before.indexOf('?');
        var place = mark < 0 ? before : before.substring(0, mark);
        var repository = place.startsWith("github.com/") ? "https://" + place : place;
        return new GitAddress(
                        repository,
                        mark < 0 ? Map.of() : query(repository, before.substring(mark + 1)),
                        hash < 0 ? "" : address.substring(hash + 1))
                .git();
    }

    private static Map<String, String> query(String repository, String text) {
        var query = new LinkedHashMap<String, String>();
        for (var pair : text.split("&")) {
            var equals = pair.indexOf('=');
            var name = equals < 0 ? pair : pair.substring(0, equals);
            try {
                var value = equals < 0 ? "" : URLDecoder.decode(pair.substring(equals + 1), StandardCharsets.UTF_8);
                if (query.put(name, value) != null) {
                    throw refused(repository, "it says " + shown(name) + " twice");
                }
            } catch (IllegalArgumentException e) {
                throw refused(repository, "its " + shown(name) + " is wrongly encoded");
            }
        }
        return query;
    }

    private static InvalidSpecException refused(String repository, String why) {
        return new InvalidSpecException("cannot use git repository " + Git.shown(repository) + ": " + why);
    }

    private static String shown(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }

    private Git git() {
        var colon = fragment.indexOf(':');
        var refs = new ArrayList<>(List.of(colon < 0 ? fragment : fragment.substring(0, colon)));
        var directories = new ArrayList<>(List.of(colon < 0 ? "" : fragment.substring(colon + 1)));
        var checksums = new ArrayList<>(List.of(""));
        var keepsData = Optional.<Boolean>empty();
        var submodules = true;
        var commitTime = true;
        var byCommit = false;
        for (var option : query.entrySet()) {
            var value = option.getValue();
            switch (option.getKey()) {
                case "ref" -> refs.add(required(option));
                case "tag" -> refs.add(prefixed("refs/tags/", required(option)));
                case "branch" -> refs.add(prefixed("refs/heads/", required(option)));
                case "subdir" -> directories.add(required(option));
                case "checksum", "commit" -> checksums.add(required(option));
                case "keep-git-dir" -> keepsData = Optional.of(flag("keep-git-dir", value));
                case "submodules" -> submodules = flag("submodules", value);
                case "mtime" -> commitTime = isCommitTime(required(option));
                case "fetch-by-commit" -> byCommit = flag("fetch-by-commit", value);
                default ->
                    throw refused(
                            repository,
                            "there is no " + shown(option.getKey()) + " of one, but ref, tag, branch, subdir, checksum,"
                                    + " keep-git-dir, submodules, mtime and fetch-by-commit");
            }
        }
        return new Git(
                repository,
                one("refs", refs),
                one("directories", directories),
                one("checksums", checksums),
                keepsData,
                submodules,
                commitTime,
                byCommit);
    }

    private boolean isCommitTime(String value) {
        return switch (value) {
            case "commit" -> true;
            case "checkout" -> false;
            default -> throw refused(repository, "its mtime is commit or checkout, not " + shown(value));
        };
    }

    private String required(Map.Entry<String, String> option) {
        if (option.getValue().isEmpty()) {
            throw refused(repository, "its " + option.getKey() + " has no value");
        }
        return option.getValue();
    }

    private static String prefixed(String prefix, String name) {
        return name.startsWith(prefix) ? name : prefix + name;
    }

    private boolean flag(String name, String value) {
        if (!TRUE.contains(value) && !FALSE.contains(value)) {
            throw refused(repository, "its " + name + " is true or false, not " + shown(value));
        }
        return TRUE.contains(value);
    }

    private String one(String what, List<String> values) {
        var said = values.stream().filter(value -> !value.isEmpty()).distinct().toList();
        if (said.size() > 1) {
            throw refused(repository, "it has two " + what + ", " + shown(String.join(" and ", said)));
        }
        return said.isEmpty() ? "" : said.get(0);
    }

    /** What of an address a fragment cannot say. */
    static String query(Git git) {
        var options = new ArrayList<String>();
        if (!git.checksum().isEmpty()) {
            options.add("checksum=" + git.checksum());
        }
        git.keepsData().ifPresent(keeps -> options.add("keep-git-dir=" + keeps));
        if (!git.submodules()) {
            options.add("submodules=false");
        }
        if (!git.commitTime()) {
            options.add("mtime=checkout");
        }
        if (git.byCommit()) {
            options.add("fetch-by-commit=true");
        }
        return options.isEmpty() ? "" : "?" + String.join("&", options);
    }
}
