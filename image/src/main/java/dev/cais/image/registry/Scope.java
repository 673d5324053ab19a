package dev.cais.image.registry;

import java.util.Collection;
import java.util.List;
import java.util.TreeSet;

/**
 * What a token allows, as in {@code repository:library/busybox:pull,push}.
 *
 * @param type {@code repository} or {@code registry}
 * @param name of the resource
 * @param actions sorted
 */
record Scope(String type, String name, List<String> actions) {
    Scope {
        actions = List.copyOf(new TreeSet<>(actions));
    }

    static Scope pull(String repository) {
        return new Scope("repository", repository, List.of("pull"));
    }

    static Scope push(String repository) {
        return new Scope("repository", repository, List.of("pull", "push"));
    }

    static Scope delete(String repository) {
        return new Scope("repository", repository, List.of("delete", "pull", "push"));
    }

    /** To list the repositories of a registry. */
    static Scope catalog() {
        return new Scope("registry", "catalog", List.of("*"));
    }

    /** Whether somebody who may do what these say may do this. */
    boolean isAmong(Collection<Scope> others) {
        return others.stream()
                .anyMatch(other ->
                        other.type.equals(type) && other.name.equals(name) && other.actions.containsAll(actions));
    }

    @Override
    public String toString() {
        return type + ":" + name + ":" + String.join(",", actions);
    }
}
