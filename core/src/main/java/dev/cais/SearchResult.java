package dev.cais;

/**
 * A repository that a search has found.
 *
 * @param name as {@link Images#pull(String)} and {@link Images#repository} take it
 * @param description as its owner wrote it, perhaps empty
 * @param stars how many like it
 * @param official whether the registry vouches for it
 */
public record SearchResult(String name, String description, long stars, boolean official) {}
