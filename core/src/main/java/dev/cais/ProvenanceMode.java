package dev.cais;

/** How much is said of how an image was made. Secrets are in none of it. */
public enum ProvenanceMode {
    /** Nothing. */
    NONE,
    /** When it was made, and of which images, files and commits. */
    MIN,
    /** All steps, arguments with their values, and the names of secrets, too. */
    MAX
}
