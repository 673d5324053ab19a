package dev.cais;

/** When a pull asks the registry. */
public enum PullPolicy {
    /** Each time; content that the store has is not fetched again. */
    ALWAYS,
    /** Only if the store has no image of that name and platform. */
    MISSING,
    /** Never: the store has the image, or the pull fails. */
    NEVER,
    /** As {@link #ALWAYS}, but the store's image will do if the registry cannot be reached. */
    NEWER
}
